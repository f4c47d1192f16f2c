//! Ends leases that were taken but never used, because the database's answer did not reach this process.
//!
//! No call to Sigan was made under such a lease. It is ended at once, because otherwise a repeated call would have to wait until it
//! runs out. A step whose answer was lost may be committed a little later, so each lease is looked for again and again until it
//! was ended or has run out. One statement looks for all of them, however many an outage leaves.

use std::time::Duration;

use tokio::time::Instant;

use crate::calls::LeaseClock;
use crate::domain::ReservationId;
use crate::oss::Oss;

/// The pause between two searches.
const PAUSE: Duration = Duration::from_millis(500);

impl Oss {
    /// Ends the unused lease of an attempt, if it was taken at all.
    pub(super) fn abandon_in_background(&self, attempt: ReservationId, clock: LeaseClock) {
        if !self.unused_leases().add(attempt, Instant::now() + clock.time_left()) {
            return;
        }
        let oss = self.clone();
        self.spawn(async move { oss.abandon_unused_leases().await });
    }

    async fn abandon_unused_leases(&self) {
        loop {
            let leases = self.unused_leases().running();
            if leases.is_empty() {
                return;
            }
            match self.store().abandon(&leases).await {
                Ok(ended) => self.unused_leases().remove(&ended),
                Err(error) => tracing::debug!(%error, "Unused leases could not be ended yet."),
            }
            // A shutdown does not wait, because the leases run out by themselves.
            if self.stopping().run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                return;
            }
        }
    }
}

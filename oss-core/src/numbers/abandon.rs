//! Leases that were taken and never used, because the database's answer did not reach this process.
//!
//! Sigan was not asked under them, so they are ended instead of left to run out: the caller's repeat would have to wait for that.
//! A step whose answer was lost may be committed a little later, so each lease is looked for again and again until it was ended
//! or has run out. All of them are looked for in one statement, however many an outage leaves.

use std::time::Duration;

use tokio::time::Instant;

use super::attempt::LeaseClock;
use crate::domain::ReservationId;
use crate::oss::Oss;

/// How long the search rests.
const PAUSE: Duration = Duration::from_millis(500);

impl Oss {
    /// Ends the lease of an attempt that was never used, if it was taken at all.
    pub(super) fn abandon_in_background(&self, attempt: ReservationId, clock: LeaseClock) {
        if !self.unused_leases().add(attempt, Instant::now() + clock.left()) {
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
            // They run out by themselves: no stop waits for that.
            if self.stopping().run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                return;
            }
        }
    }
}

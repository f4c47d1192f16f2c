//! What happens to a number without a caller: Sigan is told of releases.

use std::time::Duration;

use crate::oss::Oss;
use crate::sigan::SiganError;
use crate::store::Delivery;

/// How soon a release that Sigan was not told of is due again.
const UNDELIVERED_RETRY: Duration = Duration::from_secs(5);

impl Oss {
    /// Tells Sigan of a release, in a task of its own that [`Oss::shutdown`] waits for.
    pub(crate) fn deliver_in_background(&self, delivery: Delivery) {
        let oss = self.clone();
        self.spawn(async move { oss.deliver(&delivery).await });
    }

    async fn deliver(&self, delivery: &Delivery) {
        let id = delivery.reservation;
        let told = self.sigan().release(&delivery.hold).await;
        let settled = match &told {
            Ok(()) => self.store().delivered(id).await,
            Err(error) => {
                tracing::warn!(reservation.id = %id, %error, "Sigan could not be told of a release; it stays due.");
                self.store().undelivered(id, reason(error), UNDELIVERED_RETRY).await
            }
        };
        if let Err(error) = settled {
            // The row stays RELEASING with its lease: it is due again when that runs out, and a release may be repeated.
            tracing::warn!(reservation.id = %id, %error, "The delivery of a release could not be recorded.");
        }
    }
}

fn reason(error: &SiganError) -> &'static str {
    match error {
        SiganError::Refused(refusal) => refusal.code(),
        SiganError::NotSent => "not-reachable",
        SiganError::NoAnswer(_) => "no-answer",
    }
}

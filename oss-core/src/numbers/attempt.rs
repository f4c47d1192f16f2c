//! One attempt to hold a number: Sigan is asked, and the outcome is recorded, whatever it is.
//!
//! The row of the attempt is committed before Sigan is asked and settled after it answered; in between, no connection and no
//! transaction is held. Does not know how the attempt began.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tokio::time::Instant;

use super::reserve::Reservation;
use crate::error::Error;
use crate::oss::Oss;
use crate::sigan::{Doubt, Refusal, SiganError, Turn};
use crate::store::{Confirmed, Lease, StoreError};

/// What is left of a lease, by this process's own monotonic clock, read before the lease was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeaseClock {
    asked: Instant,
    lease: Duration,
}

impl LeaseClock {
    pub(super) fn start(lease: Duration) -> Self {
        Self { asked: Instant::now(), lease }
    }

    pub(super) fn left(self) -> Duration {
        self.lease.saturating_sub(self.asked.elapsed())
    }
}

impl Oss {
    /// Executa reserva no Sigan, and records the outcome, whatever it is.
    pub(super) async fn reserve_in_sigan(
        &self,
        turn: &Turn<'_>,
        lease: &Lease,
        clock: LeaseClock,
    ) -> Result<Reservation, Error> {
        // A process that was paused between taking the lease and sending must not send late.
        if clock.left() < self.settings().sigan_call {
            return self.record_no_effect(lease, clock, "no time left to send").await;
        }
        match turn.reserve(&lease.hold).await {
            Ok(()) => self.record_hold(lease, clock).await,
            // A reserve that Sigan did not recognise us in is no word on the hold.
            Err(SiganError::Refused(Refusal::Credentials)) => {
                self.record_doubt(lease, clock, Doubt::Credentials.code()).await;
                Err(Error::OutcomeUnknown(Doubt::Credentials))
            }
            Err(SiganError::Refused(refusal)) => self.record_refusal(turn, lease, clock, refusal).await,
            Err(SiganError::NotSent) => self.record_no_effect(lease, clock, "Sigan not reachable").await,
            Err(SiganError::NoAnswer(doubt)) => {
                self.record_doubt(lease, clock, &doubt.to_string()).await;
                Err(Error::OutcomeUnknown(doubt))
            }
        }
    }

    /// Sigan holds the number: `phone_number` RESERVED, `preview.reserved_msisdn`.
    pub(super) async fn record_hold(&self, lease: &Lease, clock: LeaseClock) -> Result<Reservation, Error> {
        let hold_for = self.settings().reservation_ttl;
        match retry_within_lease(clock, || self.store().confirm(lease, hold_for)).await {
            Ok(Confirmed::Held) => {
                tracing::info!(reservation.id = %lease.reservation, number = %lease.hold.msisdn.masked(), "Number reserved.");
                Ok(Reservation { msisdn: lease.hold.msisdn })
            }
            Ok(Confirmed::Released) => Err(Error::GivenUp),
            Ok(Confirmed::GivenUp(delivery)) => {
                self.deliver_in_background(delivery);
                Err(Error::GivenUp)
            }
            Ok(Confirmed::Missing) => self.release_lost(lease, clock).await,
            // Held in Sigan and not recorded. Never released for that: the row, PENDING, is due when its lease runs out.
            Err(error) => {
                tracing::error!(reservation.id = %lease.reservation, %error, "A hold could not be recorded; recovery will.");
                Err(Error::OutcomeUnknown(Doubt::Interrupted))
            }
        }
    }

    /// Sigan said no. Unless that is its last word on the hold, what was sent may yet have its effect: an earlier call of the
    /// attempt that was lost on its way, or a copy of this one. So the hold is cancelled.
    async fn record_refusal(
        &self,
        turn: &Turn<'_>,
        lease: &Lease,
        clock: LeaseClock,
        refusal: Refusal,
    ) -> Result<Reservation, Error> {
        if lease.is_repeat() || !refusal.is_final() {
            self.give_up(turn, lease, clock, refusal.code()).await;
        } else {
            self.record_rejection(lease, clock, refusal.code()).await;
        }
        Err(Error::SiganRefused(refusal))
    }

    /// This call did nothing in Sigan. An earlier one of the same attempt may have.
    async fn record_no_effect(
        &self,
        lease: &Lease,
        clock: LeaseClock,
        reason: &str,
    ) -> Result<Reservation, Error> {
        if lease.is_repeat() {
            self.record_doubt(lease, clock, reason).await;
            return Err(Error::OutcomeUnknown(Doubt::Interrupted));
        }
        self.record_rejection(lease, clock, reason).await;
        Err(Error::SiganUnreachable)
    }

    /// Sigan may hold the number: `phone_number` RESERVED and tied to the preview, so that it is released if abandoned.
    pub(super) async fn record_doubt(&self, lease: &Lease, clock: LeaseClock, reason: &str) {
        tracing::warn!(reservation.id = %lease.reservation, reason, "Sigan gave no certain answer.");
        let retry_in = self.retry_in(lease.call);
        match retry_within_lease(clock, || self.store().doubt(lease, reason, retry_in)).await {
            Ok(true) => {}
            // Another call settled the attempt, or its row is gone.
            Ok(false) => drop(self.release_lost(lease, clock).await),
            Err(error) => {
                tracing::error!(reservation.id = %lease.reservation, %error, "A doubt could not be recorded; recovery will.");
            }
        }
    }

    /// Has a hold released whose row a failover of the database lost: nobody else would ever know of it. If the attempt has a
    /// row after all, nothing is done. Another attempt at the same hold settles it with its own.
    pub(super) async fn release_lost(&self, lease: &Lease, clock: LeaseClock) -> Result<Reservation, Error> {
        let tell_within = self.settings().lease();
        match retry_within_lease(clock, || self.store().release_lost(lease, "its row was lost", tell_within))
            .await
        {
            Ok(Some(delivery)) => {
                tracing::error!(reservation.id = %lease.reservation, "The database lost an attempt; its hold is released.");
                self.deliver_in_background(delivery);
                Err(Error::GivenUp)
            }
            Ok(None) => Err(Error::OutcomeUnknown(Doubt::Interrupted)),
            Err(error) => {
                tracing::error!(
                    reservation.id = %lease.reservation,
                    %error,
                    "A hold whose attempt the database lost could not be recorded; `oss audit --fix` releases it."
                );
                Err(Error::OutcomeUnknown(Doubt::Interrupted))
            }
        }
    }

    async fn record_rejection(&self, lease: &Lease, clock: LeaseClock, reason: &str) {
        if let Err(error) = retry_within_lease(clock, || self.store().reject(lease, reason)).await {
            tracing::error!(reservation.id = %lease.reservation, %error, "A refusal could not be recorded; recovery will.");
        }
    }
}

/// Records an outcome, again and again while the database is not available and the lease lasts.
pub(super) async fn retry_within_lease<T, F>(
    clock: LeaseClock,
    step: impl FnMut() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let attempts = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(1))
        .with_total_delay(Some(clock.left()))
        .with_jitter()
        .without_max_times();
    // The builder counts the waits alone, and a try on a database that is silent takes seconds.
    step.retry(attempts).when(|error| error.is_transient() && !clock.left().is_zero()).await
}

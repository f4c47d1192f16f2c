//! Reserving a number: one of a preview, or a random one.
//!
//! Specification: "Reservar número de uma pré-reserva" and "Reservar número aleatório". The row of the attempt is committed
//! before Sigan is asked and settled after it answered; in between, no connection and no transaction is held.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use serde::Serialize;
use tokio::time::Instant;

use super::ids::{Choice, PreviewId, ReservationId};
use super::msisdn::{Ddd, Msisdn};
use crate::error::Error;
use crate::oss::Oss;
use crate::sigan::{Doubt, Hold, Refusal, SiganError};
use crate::store::{Begin, Confirmed, Lease, StoreError};

/// A number that is now held for the caller. Serialises as callers get it over HTTP, the number in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Reservation {
    /// The number, in full.
    pub msisdn: Msisdn,
}

/// How long a lease lasts beyond the longest call to Sigan: the time to record its outcome, and a margin.
pub(crate) const LEASE_MARGIN: Duration = Duration::from_secs(20);

/// How often a waiting call looks whether the one before it has finished, where that one runs in another process.
const POLL: Duration = Duration::from_millis(250);

/// How soon an attempt without a certain answer is due to be looked at again.
const DOUBT_RETRY: Duration = Duration::from_secs(1);

/// What is left of a lease, by this process's own monotonic clock, read before the lease was asked for.
#[derive(Debug, Clone, Copy)]
struct LeaseClock {
    asked: Instant,
    lease: Duration,
}

impl LeaseClock {
    fn start(lease: Duration) -> Self {
        Self { asked: Instant::now(), lease }
    }

    fn left(self) -> Duration {
        self.lease.saturating_sub(self.asked.elapsed())
    }
}

impl Oss {
    /// Reserves the chosen number of a preview.
    ///
    /// Repeating the call gives the same number, also after the preview expired. While another call reserves the same number,
    /// this one waits for its outcome, for as long as a call to Sigan may take.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPreview`], [`Error::UnknownChoice`]; [`Error::PreviewExpired`]; [`Error::PreviewUsed`] where the
    /// preview gave another number, or its number was released; [`Error::ReserveInFlight`]; [`Error::NumberTaken`];
    /// [`Error::SiganRefused`], which leaves nothing held; [`Error::OutcomeUnknown`], after which the same call settles the
    /// matter.
    pub async fn reserve(&self, preview: PreviewId, choice: Choice) -> Result<Reservation, Error> {
        self.tracked(move |oss| async move { oss.reserve_of_preview(preview, choice).await }).await
    }

    /// Reserves a random number of an area code, without a preview.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownDdd`], [`Error::NoNumbersLeft`], [`Error::NumberTaken`] and those of Sigan and of the store. After
    /// [`Error::OutcomeUnknown`] the number is recorded as in doubt and will be settled; a repeated call reserves another.
    pub async fn reserve_random(&self, ddd: Ddd) -> Result<Reservation, Error> {
        self.tracked(move |oss| async move { oss.reserve_any(ddd).await }).await
    }

    async fn reserve_of_preview(&self, preview: PreviewId, choice: Choice) -> Result<Reservation, Error> {
        let patience = Instant::now() + self.settings().sigan_call;
        loop {
            // Lock da pré-reserva; busca preview, preview_number e phone_number: one statement.
            let clock = LeaseClock::start(self.settings().lease());
            let attempt = ReservationId::new();
            let begun = self.store().begin_reservation(attempt, preview, choice, clock.lease).await?;
            match begun {
                // se preview não existe, emite 404
                Begin::UnknownPreview => return Err(Error::UnknownPreview(preview)),
                Begin::UnknownChoice => return Err(Error::UnknownChoice { preview, choice }),
                // se preview está expirada, emite 410
                Begin::Expired => return Err(Error::PreviewExpired(preview)),
                // se phone_number existe e não está no status RETURNED, emite 500
                Begin::Taken(msisdn) => return Err(taken(msisdn)),
                Begin::Held(msisdn) => return Ok(Reservation { msisdn }),
                Begin::Used => return Err(Error::PreviewUsed(preview)),
                Begin::Started(lease) => {
                    // Whoever waits for this call is woken when the guard is dropped.
                    let _guard = self.in_flight().enter(preview);
                    return self.reserve_in_sigan(&lease, clock).await;
                }
                Begin::InFlight if Instant::now() < patience => {
                    self.in_flight().left(preview, POLL, patience).await;
                }
                Begin::InFlight | Begin::OtherInFlight => return Err(Error::ReserveInFlight),
            }
        }
    }

    async fn reserve_any(&self, ddd: Ddd) -> Result<Reservation, Error> {
        self.require_ddd(ddd).await?;

        // Chama Sigan para pré-reservar um único número
        let pre_reservation = self.pre_reserve(ddd, 1, None).await?;
        let [msisdn] = pre_reservation.msisdns[..] else {
            return Err(Error::SiganNonsense(Doubt::Unreadable.to_string()));
        };
        let hold = Hold { external_id: pre_reservation.external_id, msisdn };

        // Busca phone_number; se existe e está em status de uso, emite 500
        let clock = LeaseClock::start(self.settings().lease());
        let begun = self
            .store()
            .begin_random(ReservationId::new(), &hold, &self.settings().brand, clock.lease)
            .await?;
        let lease = begun.ok_or_else(|| taken(msisdn))?;

        self.reserve_in_sigan(&lease, clock).await
    }

    /// Executa reserva no Sigan, and records the outcome, whatever it is.
    async fn reserve_in_sigan(&self, lease: &Lease, clock: LeaseClock) -> Result<Reservation, Error> {
        // A process that was paused between taking the lease and sending must not send late.
        if clock.left() < self.settings().sigan_call {
            return self.without_effect(lease, clock, "no time left to send").await;
        }
        match self.sigan().reserve(&lease.hold).await {
            Ok(()) => self.confirmed(lease, clock).await,
            Err(SiganError::Refused(refusal)) => self.refused(lease, clock, refusal).await,
            Err(SiganError::NotSent) => self.without_effect(lease, clock, "Sigan not reachable").await,
            Err(SiganError::NoAnswer(doubt)) => self.doubtful(lease, clock, doubt).await,
        }
    }

    /// Sigan holds the number: `phone_number` RESERVED, `preview.reserved_msisdn`.
    async fn confirmed(&self, lease: &Lease, clock: LeaseClock) -> Result<Reservation, Error> {
        let hold_for = self.settings().reservation_ttl;
        match recorded(clock, || self.store().confirm(lease, hold_for)).await {
            Ok(Confirmed::Held) => {
                tracing::info!(reservation.id = %lease.reservation, number = %lease.hold.msisdn.masked(), "Number reserved.");
                Ok(Reservation { msisdn: lease.hold.msisdn })
            }
            Ok(Confirmed::Released) => Err(Error::GivenUp),
            Ok(Confirmed::GivenUp(delivery)) => {
                self.deliver_in_background(delivery);
                Err(Error::GivenUp)
            }
            // Held in Sigan and not recorded. Never released for that: the row, PENDING, is due when its lease runs out.
            Err(error) => {
                tracing::error!(reservation.id = %lease.reservation, %error, "A hold could not be recorded; recovery will.");
                Err(Error::OutcomeUnknown(Doubt::Interrupted))
            }
        }
    }

    /// Sigan said no. Where an earlier call of the same attempt may have had its effect, the hold is cancelled first, which
    /// also bars a late arrival of that call.
    async fn refused(
        &self,
        lease: &Lease,
        clock: LeaseClock,
        refusal: Refusal,
    ) -> Result<Reservation, Error> {
        if lease.is_repeat() && self.sigan().release(&lease.hold).await.is_err() {
            return self.doubtful(lease, clock, Doubt::Interrupted).await;
        }
        self.record_rejection(lease, clock, refusal.code()).await;
        Err(Error::SiganRefused(refusal))
    }

    /// This call did nothing in Sigan. An earlier one of the same attempt may have.
    async fn without_effect(
        &self,
        lease: &Lease,
        clock: LeaseClock,
        reason: &str,
    ) -> Result<Reservation, Error> {
        if lease.is_repeat() {
            return self.doubtful(lease, clock, Doubt::Interrupted).await;
        }
        self.record_rejection(lease, clock, reason).await;
        Err(Error::SiganUnreachable)
    }

    /// Sigan may hold the number: `phone_number` RESERVED and tied to the preview, so that it is released if abandoned.
    async fn doubtful(&self, lease: &Lease, clock: LeaseClock, doubt: Doubt) -> Result<Reservation, Error> {
        tracing::warn!(reservation.id = %lease.reservation, %doubt, "Sigan gave no certain answer.");
        let reason = doubt.to_string();
        if let Err(error) = recorded(clock, || self.store().doubt(lease, &reason, DOUBT_RETRY)).await {
            tracing::error!(reservation.id = %lease.reservation, %error, "A doubt could not be recorded; recovery will.");
        }
        Err(Error::OutcomeUnknown(doubt))
    }

    async fn record_rejection(&self, lease: &Lease, clock: LeaseClock, reason: &str) {
        if let Err(error) = recorded(clock, || self.store().reject(lease, reason)).await {
            tracing::error!(reservation.id = %lease.reservation, %error, "A refusal could not be recorded; recovery will.");
        }
    }
}

fn taken(msisdn: Msisdn) -> Error {
    tracing::error!(number = %msisdn.masked(), "Sigan offered a number that is held or in use here.");
    Error::NumberTaken(msisdn.masked())
}

/// Records an outcome, again and again while the database is not available and the lease lasts.
async fn recorded<T, F>(clock: LeaseClock, step: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let attempts = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(1))
        .with_total_delay(Some(clock.left()))
        .with_jitter()
        .without_max_times();
    step.retry(attempts).when(StoreError::is_transient).await
}

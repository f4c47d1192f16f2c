//! One attempt to hold a number: it calls Sigan, and records every outcome.
//!
//! The row of the attempt is committed before Sigan is called, and settled after Sigan answered. In between, no connection and no
//! transaction is held. This module does not know how the attempt began.

use crate::calls::{LeaseClock, retry_within_lease};
use crate::domain::Reservation;
use crate::error::Error;
use crate::oss::Oss;
use crate::sigan::{Doubt, Refusal, SiganError, Turn};
use crate::store::{Confirmed, Lease};

impl Oss {
    /// Reserves the number in Sigan ("Executa reserva no Sigan"), and records every outcome.
    pub(super) async fn reserve_in_sigan(
        &self,
        turn: &Turn<'_>,
        lease: &Lease,
        clock: LeaseClock,
    ) -> Result<Reservation, Error> {
        // A process that was paused between taking the lease and sending must not send late.
        if clock.time_left() < self.settings().sigan_call {
            return self.record_no_effect(lease, clock, "no time left to send").await;
        }
        match turn.reserve(&lease.hold).await {
            Ok(()) => self.record_hold(lease, clock).await,
            // Sigan rejected our credentials, and that says nothing about the hold.
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

    /// Records that Sigan holds the number: `phone_number` becomes RESERVED, and `preview.reserved_msisdn` names it.
    pub(super) async fn record_hold(&self, lease: &Lease, clock: LeaseClock) -> Result<Reservation, Error> {
        let hold_for = self.settings().reservation_ttl;
        match retry_within_lease(clock, || self.store().confirm(lease, hold_for)).await {
            Ok(Confirmed::Held(reservation)) => {
                tracing::info!(reservation.id = %lease.reservation, number = %lease.hold.msisdn.masked(), "Number reserved.");
                Ok(reservation)
            }
            Ok(Confirmed::Released) => Err(Error::GivenUp),
            Ok(Confirmed::GivenUp(delivery)) => {
                self.deliver_in_background(delivery);
                Err(Error::GivenUp)
            }
            Ok(Confirmed::Missing) => self.release_lost(lease, clock).await,
            // Sigan holds the number, and that is not recorded. It is not released for that, because the row is PENDING and due
            // when its lease runs out.
            Err(error) => {
                tracing::error!(reservation.id = %lease.reservation, %error, "A hold could not be recorded; recovery will settle it.");
                Err(Error::OutcomeUnknown(Doubt::Interrupted))
            }
        }
    }

    /// Records that Sigan refused. If the refusal is not final, a request may still take effect: an earlier call of the attempt
    /// that was lost on its way, or a copy of this one. In that case the hold is cancelled.
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

    /// Records that this call did nothing in Sigan. An earlier call of the same attempt may have had an effect.
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

    /// Records that Sigan may hold the number: `phone_number` becomes RESERVED and the preview names it, so that it is released if
    /// it is abandoned.
    pub(super) async fn record_doubt(&self, lease: &Lease, clock: LeaseClock, reason: &str) {
        tracing::warn!(reservation.id = %lease.reservation, reason, "Sigan gave no certain answer.");
        let retry_in = self.retry_in(lease.call);
        match retry_within_lease(clock, || self.store().doubt(lease, reason, retry_in)).await {
            Ok(true) => {}
            // Another call settled the attempt, or its row is gone.
            Ok(false) => drop(self.release_lost(lease, clock).await),
            Err(error) => {
                tracing::error!(reservation.id = %lease.reservation, %error, "A doubt could not be recorded; recovery will settle it.");
            }
        }
    }

    /// Releases a hold whose row was lost in a failover of the database, because nobody else would ever know of it. If the attempt
    /// has a row after all, this does nothing. If another attempt is at the same hold, that attempt settles it.
    pub(super) async fn release_lost(&self, lease: &Lease, clock: LeaseClock) -> Result<Reservation, Error> {
        let deliver_within = self.settings().lease();
        match retry_within_lease(clock, || {
            self.store().release_lost(lease, "its row was lost", deliver_within)
        })
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
            tracing::error!(reservation.id = %lease.reservation, %error, "A refusal could not be recorded; recovery will settle it.");
        }
    }
}

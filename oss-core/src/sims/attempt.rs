//! One attempt to get a SIM: it calls GSIM, and records every outcome.
//!
//! The order is committed before GSIM is called, and settled after GSIM answered. In between, no connection and no transaction is
//! held.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::count_step;
use crate::calls::{LeaseClock, retry_within_lease};
use crate::domain::{IssuedOrder, IssuedSim, OrderLease, Sim, SimDelivery, WantedSim};
use crate::error::Error;
use crate::gsim::{
    CardActivation, Doubt, EsimOrder, OrderProgress, OrderState, SimError, SimRefusal, SimTurn,
};
use crate::oss::Oss;
use crate::remote::Lane;

/// The pause before GSIM is asked again about an order that it has accepted.
const POLL: Duration = Duration::from_millis(500);

impl Oss {
    /// Orders the SIM from GSIM, and records every outcome.
    pub(super) async fn ask_gsim(
        &self,
        turn: &SimTurn<'_>,
        lease: &OrderLease,
        clock: LeaseClock,
    ) -> Result<Sim, Error> {
        // A process that was paused between taking the lease and sending must not send late.
        if clock.time_left() < self.settings().gsim_call {
            return self.record_not_ordered(lease, clock, "no time left to send").await;
        }
        match self.send_order(turn, lease).await {
            Ok(OrderProgress::Issued(issued)) => self.record_sim(lease, clock, issued).await,
            Ok(OrderProgress::Accepted) => self.await_accepted(turn, lease, clock).await,
            Err(SimError::Refused(refusal)) => self.record_sim_refusal(turn, lease, clock, refusal).await,
            Err(SimError::NotSent) => self.record_not_ordered(lease, clock, "GSIM not reachable").await,
            Err(SimError::NoAnswer(doubt)) => self.doubt_sim(lease, clock, doubt).await,
        }
    }

    async fn send_order(&self, turn: &SimTurn<'_>, lease: &OrderLease) -> Result<OrderProgress, SimError> {
        let OrderLease { order, msisdn, brand, technology, replaces, .. } = lease.clone();
        match &lease.wanted {
            WantedSim::Esim(_) => {
                let order = EsimOrder::new(order, msisdn, brand, technology);
                turn.order_esim(&order.replacing(replaces)).await
            }
            WantedSim::Card { iccid, .. } => {
                let activation = CardActivation::new(order, msisdn, brand, iccid.clone());
                turn.activate_card(&activation.replacing(replaces)).await
            }
        }
    }

    /// Asks for an order that GSIM has accepted, until it is issued or the caller has waited for long enough.
    async fn await_accepted(
        &self,
        turn: &SimTurn<'_>,
        lease: &OrderLease,
        clock: LeaseClock,
    ) -> Result<Sim, Error> {
        let patience = Instant::now() + self.settings().gsim_call;
        while Instant::now() < patience && clock.time_left() > self.settings().gsim_call {
            sleep(POLL).await;
            match turn.order(lease.order).await {
                Ok(OrderState::Issued(issued)) => return self.record_sim(lease, clock, issued).await,
                Ok(OrderState::Accepted) => {}
                // GSIM knew the order a moment ago, so this is no certain answer.
                Ok(OrderState::Unknown) | Err(_) => break,
            }
        }
        self.record_sim_doubt(lease, clock, "accepted").await;
        Err(Error::SimPending)
    }

    /// Records the SIM: the number is on it, and on its line.
    pub(super) async fn record_sim(
        &self,
        lease: &OrderLease,
        clock: LeaseClock,
        issued: IssuedSim,
    ) -> Result<Sim, Error> {
        let deliver_within = self.settings().lease();
        match retry_within_lease(clock, || self.store().issue(lease, &issued, deliver_within)).await {
            Ok(IssuedOrder::Issued(replaced)) => {
                count_step(lease.wanted.sim_type(), "ordered", "");
                tracing::info!(sim.id = %lease.order, number = %lease.msisdn.masked(), "SIM issued.");
                if let Some(replaced) = replaced {
                    self.deprogram_in_background(replaced);
                }
                self.issued_sim(lease.order).await
            }
            Ok(IssuedOrder::GivenUp(cancellation)) => {
                if let Some(cancellation) = cancellation {
                    self.deprogram_in_background(cancellation);
                }
                Err(Error::OrderGivenUp)
            }
            Ok(IssuedOrder::Missing) => {
                self.release_lost_order(lease, clock).await;
                Err(Error::OrderGivenUp)
            }
            Ok(IssuedOrder::IccidInUse) => {
                tracing::error!(sim.id = %lease.order, "GSIM issued the ICCID of another active SIM; the audit shows both.");
                self.record_sim_doubt(lease, clock, "its ICCID is that of another active SIM").await;
                Err(Error::GsimNonsense)
            }
            // GSIM has the SIM, and that is not recorded. The order is due when its lease runs out.
            Err(error) => {
                tracing::error!(sim.id = %lease.order, %error, "A SIM could not be recorded; recovery will settle it.");
                Err(Error::SimOutcomeUnknown(Doubt::Interrupted))
            }
        }
    }

    /// Records that GSIM refused. An earlier call of the order that was lost on its way, or a copy of this one, may still take effect.
    /// So the order is cancelled, unless that happened before.
    async fn record_sim_refusal(
        &self,
        turn: &SimTurn<'_>,
        lease: &OrderLease,
        clock: LeaseClock,
        refusal: SimRefusal,
    ) -> Result<Sim, Error> {
        count_step(lease.wanted.sim_type(), "refused", refusal.code());
        if refusal.is_final() {
            self.record_sim_rejection(lease, clock, refusal.code()).await;
        } else {
            self.give_up_order(turn, lease, clock, refusal.code()).await;
        }
        Err(match refusal {
            SimRefusal::NoneLeft => Error::NoProfilesLeft,
            SimRefusal::NumberHasSim => Error::NumberHasSim(lease.msisdn.masked()),
            SimRefusal::UnknownIccid => Error::UnknownCard,
            SimRefusal::CardInUse => Error::CardInUse,
            SimRefusal::Cancelled => Error::OrderGivenUp,
            SimRefusal::UnknownOrder => Error::GsimNonsense,
        })
    }

    /// Records that this call did nothing in GSIM. An earlier call of the same order may have had an effect.
    async fn record_not_ordered(
        &self,
        lease: &OrderLease,
        clock: LeaseClock,
        reason: &str,
    ) -> Result<Sim, Error> {
        if lease.is_repeat() {
            self.record_sim_doubt(lease, clock, reason).await;
            return Err(Error::SimOutcomeUnknown(Doubt::Interrupted));
        }
        self.record_sim_rejection(lease, clock, reason).await;
        Err(Error::GsimUnreachable)
    }

    async fn doubt_sim(&self, lease: &OrderLease, clock: LeaseClock, doubt: Doubt) -> Result<Sim, Error> {
        self.record_sim_doubt(lease, clock, &doubt.to_string()).await;
        Err(Error::SimOutcomeUnknown(doubt))
    }

    pub(super) async fn record_sim_doubt(&self, lease: &OrderLease, clock: LeaseClock, reason: &str) {
        tracing::warn!(sim.id = %lease.order, reason, "GSIM gave no certain answer.");
        let retry_in = self.retry_of(self.gsim().answers(lease.wanted.sim_type()), lease.call);
        let doubted = retry_within_lease(clock, || self.store().doubt_order(lease, reason, retry_in)).await;
        match doubted {
            Ok(true) => {}
            // Another call settled the order, or its row is gone.
            Ok(false) => self.release_lost_order(lease, clock).await,
            Err(error) => {
                tracing::error!(sim.id = %lease.order, %error, "A doubt could not be recorded; recovery will settle it.");
            }
        }
    }

    /// Deprograms the SIM of an order whose row was lost in a failover of the database, because nobody else would ever know of it.
    /// If the order has a row after all, this does nothing.
    async fn release_lost_order(&self, lease: &OrderLease, clock: LeaseClock) {
        let within = self.settings().lease();
        match retry_within_lease(clock, || self.store().release_lost_order(lease, within)).await {
            Ok(Some(delivery)) => {
                tracing::error!(sim.id = %lease.order, "The database lost an order; its SIM is deprogrammed.");
                self.deprogram_in_background(delivery);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(
                    sim.id = %lease.order,
                    %error,
                    "A SIM whose order the database lost could not be recorded; `oss audit --fix` deprograms it."
                );
            }
        }
    }

    async fn record_sim_rejection(&self, lease: &OrderLease, clock: LeaseClock, reason: &str) {
        if let Err(error) = retry_within_lease(clock, || self.store().reject_order(lease, reason)).await {
            tracing::error!(sim.id = %lease.order, %error, "A refusal could not be recorded; recovery will settle it.");
        }
    }

    /// Gives up an order although an earlier call of it may still arrive. The decision is recorded first, so that nobody issues the
    /// SIM any more. Then the order is cancelled in GSIM, so that the late call has no effect. Returns whether GSIM was told.
    pub(super) async fn give_up_order(
        &self,
        turn: &SimTurn<'_>,
        lease: &OrderLease,
        clock: LeaseClock,
        reason: &str,
    ) -> bool {
        let within = self.settings().lease();
        match retry_within_lease(clock, || self.store().cancel_order(lease, reason, within)).await {
            Ok(Some(cancellation)) => self.deprogram(turn, &cancellation).await,
            // A newer call has the order, or its row is gone.
            Ok(None) => {
                self.release_lost_order(lease, clock).await;
                false
            }
            Err(error) => {
                tracing::error!(sim.id = %lease.order, %error, "An order could not be given up; recovery will settle it.");
                false
            }
        }
    }

    /// Tells GSIM to deprogram a SIM, in a task of its own that [`Oss::shutdown`] waits for. If GSIM is busy, the sweep tells it.
    pub(super) fn deprogram_in_background(&self, delivery: SimDelivery) {
        let oss = self.clone();
        self.spawn(async move {
            match oss.gsim_turn(delivery.sim_type, Lane::Delivery).await {
                Ok(turn) => drop(oss.deprogram(&turn, &delivery).await),
                Err(_) => oss.postpone_sim(&delivery, "GSIM is busy", Duration::ZERO).await,
            }
        });
    }

    /// Tells GSIM to deprogram a SIM. If the call fails, the order stays due. Returns whether GSIM was told.
    pub(crate) async fn deprogram(&self, turn: &SimTurn<'_>, delivery: &SimDelivery) -> bool {
        if let Err(error) = turn.cancel(delivery.order).await {
            tracing::warn!(sim.id = %delivery.order, %error, "GSIM could not be told to deprogram a SIM; it stays due.");
            let retry_in = self.retry_of(self.gsim().answers(delivery.sim_type), delivery.attempts);
            self.postpone_sim(delivery, error.code(), retry_in).await;
            return false;
        }
        if let Err(error) = self.store().record_sim_delivery(delivery.order).await {
            tracing::warn!(sim.id = %delivery.order, %error, "It could not be recorded that a SIM was deprogrammed.");
            return false;
        }
        true
    }

    pub(super) async fn postpone_sim(&self, delivery: &SimDelivery, reason: &str, retry_in: Duration) {
        let postponed = self.store().record_failed_sim_delivery(delivery, reason, retry_in).await;
        if let Err(error) = postponed {
            tracing::warn!(sim.id = %delivery.order, %error, "It could not be recorded that a SIM is still to be deprogrammed.");
        }
    }
}

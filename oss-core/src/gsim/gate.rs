//! The gates before GSIM, one for each type of SIM, so that an outage of one does not stop the other.

use std::sync::Arc;
use std::time::Duration;

use super::{
    CardActivation, EsimOrder, OrderProgress, OrderState, OrdersPage, SimError, SimProvider, SimRefusal,
};
use crate::access::ClientLimit;
use crate::domain::{BrandId, CallSubject, SimId, SimType};
use crate::remote::{self, Busy, GateLimits, GateUsage, GatedSystem, Lane, RecordCall, RefusalReason};
use crate::telemetry::System;

/// The right to call GSIM once at a time.
pub(crate) type SimTurn<'a> = remote::Turn<'a, dyn SimProvider>;

type SimGate = remote::Gate<dyn SimProvider>;

impl RefusalReason for SimRefusal {}

/// GSIM behind its limits and its breakers: those of eSIMs, and those of cards.
#[derive(Debug)]
pub(crate) struct SimGates {
    esims: SimGate,
    cards: SimGate,
}

/// The reason why there is no turn at GSIM. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SimsBusy {
    /// The type of SIM that the turn was for. The other type may have turns.
    pub(crate) sim_type: SimType,
    /// The reason.
    pub(crate) reason: Busy,
    /// The time for which GSIM has given no answer about this type of SIM, if that is why.
    pub(crate) down_for: Option<Duration>,
}

impl SimGates {
    /// Gives each type of SIM these limits.
    pub(crate) fn new(provider: &Arc<dyn SimProvider>, limits: GateLimits) -> Self {
        let gate = |name| {
            let (calls, queue) = (ClientLimit::GsimCalls, ClientLimit::GsimQueue);
            let gated = GatedSystem { system: System::Gsim, name, calls, queue };
            SimGate::new(provider.clone(), gated, limits)
        };
        Self { esims: gate("GSIM (eSIMs)"), cards: gate("GSIM (SIM cards)") }
    }

    /// Has the calls of both gates recorded.
    pub(crate) fn recorded_by(self, recorder: &Arc<dyn RecordCall>) -> Self {
        let Self { esims, cards } = self;
        Self { esims: esims.recorded_by(recorder.clone()), cards: cards.recorded_by(recorder.clone()) }
    }

    /// Takes a turn for a type of SIM, or says why there is none.
    pub(crate) async fn turn(&self, sim_type: SimType, lane: Lane<'_>) -> Result<SimTurn<'_>, SimsBusy> {
        let gate = self.of(sim_type);
        let busy = |reason| SimsBusy { sim_type, reason, down_for: gate.usage().down_for };
        gate.turn(lane).await.map_err(busy)
    }

    /// Whether GSIM answers other calls about a type of SIM now.
    pub(crate) fn answers(&self, sim_type: SimType) -> bool {
        self.of(sim_type).answers()
    }

    /// The current use of each gate.
    pub(crate) fn usage(&self) -> [(SimType, GateUsage); 2] {
        [SimType::Esim, SimType::SimCard].map(|sim_type| (sim_type, self.of(sim_type).usage()))
    }

    fn of(&self, sim_type: SimType) -> &SimGate {
        match sim_type {
            SimType::Esim => &self.esims,
            SimType::SimCard => &self.cards,
        }
    }
}

impl SimTurn<'_> {
    pub(crate) async fn order_esim(&self, order: &EsimOrder) -> Result<OrderProgress, SimError> {
        let subject = CallSubject::of_order(order.reference, Some(order.msisdn));
        self.call("order_esim", self.port().order_esim(order), |_| subject).await
    }

    pub(crate) async fn activate_card(&self, activation: &CardActivation) -> Result<OrderProgress, SimError> {
        let subject = CallSubject::of_order(activation.reference, Some(activation.msisdn));
        self.call("activate_card", self.port().activate_card(activation), |_| subject).await
    }

    pub(crate) async fn order(&self, reference: SimId) -> Result<OrderState, SimError> {
        self.upkeep_call("order", self.port().order(reference), CallSubject::of_order(reference, None)).await
    }

    /// Looks at an order without a record of the call. A profile may be looked at for years, and its story would have nothing else.
    pub(crate) async fn look_at_order(&self, reference: SimId) -> Result<OrderState, SimError> {
        self.unrecorded_call("order", self.port().order(reference)).await
    }

    /// Cancels an order or deprograms its SIM. Nobody waits for it, so it never counts against the callers.
    pub(crate) async fn cancel(&self, reference: SimId) -> Result<(), SimError> {
        self.upkeep_call("cancel", self.port().cancel(reference), CallSubject::of_order(reference, None))
            .await
    }

    pub(crate) async fn orders(
        &self,
        brand: &BrandId,
        after: Option<SimId>,
        limit: usize,
    ) -> Result<OrdersPage, SimError> {
        self.unrecorded_call("orders", self.port().orders(brand, after, limit)).await
    }
}

#[cfg(all(test, feature = "mock"))]
mod tests;

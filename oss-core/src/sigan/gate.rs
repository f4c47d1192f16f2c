//! The gate before Sigan, and the calls that a turn may make.

use super::{Hold, Holder, HoldsPage, PreReservation, PreReserve, Refusal, Sigan, SiganError};
use crate::access::ClientLimit;
use crate::domain::{BrandId, CallSubject, Msisdn};
use crate::remote::{self, GatedSystem, RefusalReason};
use crate::telemetry::System;

/// Sigan behind its limits and its breakers.
pub(crate) type Gate = remote::Gate<dyn Sigan>;

/// The right to call Sigan once at a time.
pub(crate) type Turn<'a> = remote::Turn<'a, dyn Sigan>;

/// Sigan, as its gate names it.
pub(crate) const SIGAN: GatedSystem = GatedSystem {
    system: System::Sigan,
    name: "Sigan",
    calls: ClientLimit::SiganCalls,
    queue: ClientLimit::SiganQueue,
};

impl RefusalReason for Refusal {
    fn is_of_credentials(self) -> bool {
        self == Self::Credentials
    }
}

impl Turn<'_> {
    pub(crate) async fn pre_reserve(&self, wish: &PreReserve) -> Result<PreReservation, SiganError> {
        let subject =
            |offer: Option<&PreReservation>| CallSubject::of_offer(offer.map(|offer| &offer.external_id));
        self.call("pre_reserve", self.port().pre_reserve(wish), subject).await
    }

    pub(crate) async fn reserve(&self, hold: &Hold) -> Result<(), SiganError> {
        self.call("reserve", self.port().reserve(hold), |_| CallSubject::of_hold(hold)).await
    }

    /// Releases a hold. Nobody waits for a release, so it never counts against the callers, even in a caller's turn.
    pub(crate) async fn release(&self, hold: &Hold) -> Result<(), SiganError> {
        self.upkeep_call("release", self.port().release(hold), CallSubject::of_hold(hold)).await
    }

    pub(crate) async fn holder(&self, hold: &Hold) -> Result<Holder, SiganError> {
        self.upkeep_call("holder", self.port().holder(hold), CallSubject::of_hold(hold)).await
    }

    pub(crate) async fn holds(
        &self,
        brand: &BrandId,
        after: Option<Msisdn>,
        limit: usize,
    ) -> Result<HoldsPage, SiganError> {
        self.unrecorded_call("holds", self.port().holds(brand, after, limit)).await
    }
}

#[cfg(test)]
mod tests;

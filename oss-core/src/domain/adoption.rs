//! Adoption: records that a number is on a line although the database does not say so.
//!
//! Both backends read the same row, decide by [`AdoptionRow::verdict`], and write if nothing has changed since. This module
//! knows no SQL.

use super::tenant::OLDER_BRAND;
use super::{OtherNumber, Tenant};
use crate::domain::{AttemptState, ExternalId, Msisdn, NumberStatus, ReservationId, SimId, SimStatus};

/// A number that is on a line, as the systems that know the lines report it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// The number.
    pub msisdn: Msisdn,
    /// The SIM of its line.
    pub sim: SimId,
    /// Sigan's id of its hold, or none for the hold of the live attempt here.
    pub external_id: Option<ExternalId>,
}

/// The outcome of an adoption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdoptOutcome {
    /// The number is on the line, since now or since before. This is Sigan's id of its hold.
    Adopted(ExternalId),
    /// No id of a hold was given, and no attempt here has one.
    NoExternalId,
    /// The number cannot be adopted.
    Refused(AdoptRefusal),
    /// There is no such SIM.
    UnknownSim,
}

/// The reason why a number cannot be adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::IntoStaticStr, thiserror::Error)]
#[strum(serialize_all = "kebab-case")]
pub enum AdoptRefusal {
    /// It is on another SIM.
    #[error("it is already on another SIM")]
    #[strum(serialize = "assigned-elsewhere")]
    OtherSim,
    /// The SIM has another number.
    #[error("the SIM already has {0}; check the SIM")]
    SimHasNumber(OtherNumber),
    /// The SIM is not active.
    #[error("the SIM is not ACTIVE; check the SIM")]
    SimNotActive,
    /// It is held for another brand, or the hold belongs to another brand.
    #[error("it is held for another brand; check the brand")]
    OtherBrand,
    /// It is held under another external id.
    #[error("it is held here under another external id; leave the id out, or check it")]
    OtherHold,
    /// The hold that was named is released, or is being released.
    #[error("that hold is released; give the id of the hold that Sigan has now")]
    HoldOver,
    /// An attempt at it is under way or in doubt.
    #[error("whether Sigan holds it is not settled yet; run `oss sweep`, then repeat this")]
    #[strum(serialize = "number-in-doubt")]
    Unsettled,
    /// An order of a SIM for it is under way.
    #[error("an order of a SIM for it is under way; run `oss sweep`, then repeat this")]
    #[strum(serialize = "order-in-flight")]
    Ordered,
    /// Its status is not one that this program acts on.
    #[error("its status is not RESERVED, IN_USE or RETURNED, so another program owns it")]
    #[strum(serialize = "number-state")]
    UnknownStatus,
    /// The brand is `unknown`, which is reserved for data written before brands existed.
    #[error("`unknown` is the brand of data from before there were brands; name the line's brand")]
    ReservedBrand,
}

impl AdoptRefusal {
    /// A short, stable name, for programs: `assigned-elsewhere`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// A number, and everything that may bar its adoption.
#[derive(Debug)]
pub(crate) struct AdoptionRow {
    /// The status of the number, or none if it never was ours.
    pub(crate) status: Option<NumberStatus>,
    pub(crate) sim: Option<SimId>,
    /// The status of the SIM of the adoption, or none if there is no such SIM.
    pub(crate) sim_status: Option<SimStatus>,
    pub(crate) live: Option<LiveRow>,
    /// Whether the hold that was named is released, or is being released.
    pub(crate) hold_is_over: bool,
    /// Whether an order of a SIM for the number is under way.
    pub(crate) ordered: bool,
    /// The brand of the preview that offered the number under the id that was named, if there is one.
    pub(crate) offered_to: Option<String>,
    /// Another number that the SIM has.
    pub(crate) other_number: Option<OtherNumber>,
}

/// The live attempt at a number.
#[derive(Debug)]
pub(crate) struct LiveRow {
    pub(crate) id: ReservationId,
    pub(crate) external_id: ExternalId,
    pub(crate) brand: String,
    pub(crate) state: AttemptState,
}

/// The next step of an adoption.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AdoptionVerdict {
    /// Write nothing, and answer this.
    Answer(AdoptOutcome),
    /// Put the number on the line.
    Write {
        /// The live attempt to keep, or none if a row has to be added.
        live: Option<ReservationId>,
        external_id: ExternalId,
    },
}

impl AdoptionRow {
    pub(crate) fn verdict(&self, tenant: &Tenant, adoption: &Adoption) -> AdoptionVerdict {
        if let Some(refusal) = self.refusal(tenant, adoption) {
            return AdoptionVerdict::Answer(AdoptOutcome::Refused(refusal));
        }
        match (&self.live, &adoption.external_id) {
            (Some(live), _) if self.is_on_line_of(adoption.sim) && live.state == AttemptState::Assigned => {
                AdoptionVerdict::Answer(AdoptOutcome::Adopted(live.external_id.clone()))
            }
            _ if self.sim_status.is_none() => AdoptionVerdict::Answer(AdoptOutcome::UnknownSim),
            _ if self.sim_status != Some(SimStatus::Active) => {
                AdoptionVerdict::Answer(AdoptOutcome::Refused(AdoptRefusal::SimNotActive))
            }
            (Some(live), _) => {
                AdoptionVerdict::Write { live: Some(live.id), external_id: live.external_id.clone() }
            }
            (None, Some(external_id)) => {
                AdoptionVerdict::Write { live: None, external_id: external_id.clone() }
            }
            (None, None) => AdoptionVerdict::Answer(AdoptOutcome::NoExternalId),
        }
    }

    fn refusal(&self, tenant: &Tenant, adoption: &Adoption) -> Option<AdoptRefusal> {
        let is_own = |brand: &str| tenant.own_brands().contains(&brand);
        if self.status.as_ref().is_some_and(|status| !status.is_known()) {
            return Some(AdoptRefusal::UnknownStatus);
        }
        if self.sim.is_some_and(|sim| sim != adoption.sim) {
            return Some(AdoptRefusal::OtherSim);
        }
        if self.ordered {
            return Some(AdoptRefusal::Ordered);
        }
        if let (Some(number), false) = (self.other_number, self.is_on_line_of(adoption.sim)) {
            return Some(AdoptRefusal::SimHasNumber(number));
        }
        match &self.live {
            Some(live) => live.refusal(is_own, adoption.external_id.as_ref()),
            None if self.hold_is_over => Some(AdoptRefusal::HoldOver),
            None if self.offered_to.as_deref().is_some_and(|brand| !is_own(brand)) => {
                Some(AdoptRefusal::OtherBrand)
            }
            // A number that is held without an attempt is older data. The SIM proves whose line it is.
            None if self.is_held() && self.sim.is_none() && !is_own(OLDER_BRAND) => {
                Some(AdoptRefusal::OtherBrand)
            }
            None => None,
        }
    }

    fn is_held(&self) -> bool {
        self.status.as_ref().is_some_and(|status| *status != NumberStatus::Returned)
    }

    fn is_on_line_of(&self, sim: SimId) -> bool {
        self.status == Some(NumberStatus::InUse) && self.sim == Some(sim)
    }
}

impl LiveRow {
    fn refusal(&self, is_own: impl Fn(&str) -> bool, named: Option<&ExternalId>) -> Option<AdoptRefusal> {
        if !is_own(&self.brand) {
            return Some(AdoptRefusal::OtherBrand);
        }
        if named.is_some_and(|named| *named != self.external_id) {
            return Some(AdoptRefusal::OtherHold);
        }
        let is_settled = matches!(self.state, AttemptState::Held | AttemptState::Assigned);
        (!is_settled).then_some(AdoptRefusal::Unsettled)
    }
}

#[cfg(test)]
mod tests;

//! One order of the mock that is not cancelled, and its SIM.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::identifiers::{self, Series};
use crate::domain::{BrandId, Iccid, Imsi, Msisdn, ProfileState, SimId};
use crate::gsim::wire::{CardActivationBody, EsimOrderBody, IssuedBody, ListedBody, Notification};

/// An order that is not cancelled.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) ordered: Ordered,
    stage: Stage,
    iccid: Iccid,
    /// The number that its IMSI and its matching id depend on. No other SIM ever has it.
    serial: u64,
    profile_state: ProfileState,
    /// The time at which the profile came to its state.
    since: DateTime<Utc>,
    /// The time at which a customer scanned the activation code, if one did.
    scanned_at: Option<DateTime<Utc>>,
}

/// The life of profiles that come to their next states by themselves.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Life {
    /// The time between two states.
    pub(super) step: Duration,
    /// Whether it begins when a customer scans the activation code, and not when the SIM is issued.
    pub(super) begins_with_scan: bool,
}

/// The thing that is ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ordered {
    Esim(EsimOrderBody),
    Card(CardActivationBody),
}

/// The stage of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// It is answered with 202. It is issued after so many further calls, or if it has none, when GSIM is told.
    Making {
        calls_left: Option<u32>,
    },
    Issued,
}

impl Ordered {
    pub(super) fn msisdn(&self) -> Msisdn {
        match self {
            Self::Esim(body) => body.msisdn,
            Self::Card(body) => body.msisdn,
        }
    }

    pub(super) fn brand(&self) -> &BrandId {
        match self {
            Self::Esim(body) => &body.brand_id,
            Self::Card(body) => &body.brand_id,
        }
    }

    pub(super) fn replaces(&self) -> Option<SimId> {
        match self {
            Self::Esim(body) => body.replaces,
            Self::Card(body) => body.replaces,
        }
    }
}

impl Order {
    pub(super) fn new(ordered: Ordered, stage: Stage, iccid: Iccid, serial: u64, now: DateTime<Utc>) -> Self {
        Self {
            ordered,
            stage,
            iccid,
            serial,
            profile_state: ProfileState::Released,
            since: now,
            scanned_at: None,
        }
    }

    pub(super) fn iccid(&self) -> &Iccid {
        &self.iccid
    }

    pub(super) fn is_issued(&self) -> bool {
        self.stage == Stage::Issued
    }

    /// The state of the profile of an eSIM. A card is enabled.
    pub(super) fn profile_state(&self) -> ProfileState {
        if self.is_esim() { self.profile_state } else { ProfileState::Enabled }
    }

    fn is_esim(&self) -> bool {
        matches!(self.ordered, Ordered::Esim(_))
    }

    /// Counts a call about the order. Returns whether it is time to issue its SIM.
    pub(super) fn count_call(&mut self) -> bool {
        match &mut self.stage {
            Stage::Making { calls_left: Some(0) } => true,
            Stage::Making { calls_left: Some(left) } => {
                *left -= 1;
                false
            }
            Stage::Making { calls_left: None } | Stage::Issued => false,
        }
    }

    /// Issues the SIM. Returns the call-back if it is an eSIM.
    pub(super) fn issue(&mut self, now: DateTime<Utc>, reference: SimId) -> Option<Notification> {
        self.stage = Stage::Issued;
        self.report(now, reference, ProfileState::Released, None)
    }

    /// Brings the profile to a state, whatever its state was. Returns the call-back; none if there is no profile.
    pub(super) fn report(
        &mut self,
        at: DateTime<Utc>,
        reference: SimId,
        state: ProfileState,
        reason: Option<&str>,
    ) -> Option<Notification> {
        if !self.is_issued() || !self.is_esim() {
            return None;
        }
        (self.profile_state, self.since) = (state, at);
        let reason = reason.map(ToOwned::to_owned);
        Some(Notification { reference, profile_state: state, at, reason, eid: None })
    }

    /// Lets a customer scan the activation code. Only the first time counts.
    pub(super) fn scan(&mut self, at: DateTime<Utc>) {
        self.scanned_at.get_or_insert(at);
    }

    /// Whether a profile waits until a customer scans its activation code.
    pub(super) fn is_unscanned(&self) -> bool {
        let is_released = self.profile_state == ProfileState::Released && self.scanned_at.is_none();
        is_released && self.is_issued() && self.is_esim()
    }

    /// The state to which the profile comes next by itself, and the time; none if it stays as it is.
    pub(super) fn next_state(&self, life: Life) -> Option<(DateTime<Utc>, ProfileState)> {
        if life.begins_with_scan && self.is_unscanned() {
            return None;
        }
        let next = match self.profile_state {
            ProfileState::Released => ProfileState::Downloaded,
            ProfileState::Downloaded => ProfileState::Installed,
            ProfileState::Installed => ProfileState::Enabled,
            _ => return None,
        };
        (self.is_issued() && self.is_esim())
            .then_some((self.since.max(self.scanned_at.unwrap_or(self.since)) + life.step, next))
    }

    fn imsi(&self) -> Option<Imsi> {
        identifiers::imsi(if self.is_esim() { Series::Esim } else { Series::Card }, self.serial)
    }

    /// The body about the SIM; none if the mock has made more SIMs than there are IMSIs.
    pub(super) fn issued(&self, reference: SimId) -> Option<IssuedBody> {
        let (reference, iccid, imsi) = (Some(reference), self.iccid.clone(), self.imsi()?);
        Some(if self.is_esim() {
            IssuedBody {
                reference,
                iccid,
                imsi,
                hrs_imsi: None,
                matching_id: identifiers::matching_id(self.serial),
                smdp_address: identifiers::smdp_address(),
                profile_state: Some(self.profile_state),
            }
        } else {
            IssuedBody {
                reference,
                iccid,
                imsi,
                hrs_imsi: identifiers::imsi(Series::StandIn, self.serial),
                matching_id: None,
                smdp_address: None,
                profile_state: None,
            }
        })
    }

    /// The line in the list of SIMs.
    pub(super) fn listed(&self, reference: SimId) -> Option<ListedBody> {
        let (iccid, imsi, msisdn) = (self.iccid.clone(), self.imsi()?, self.ordered.msisdn());
        Some(ListedBody { reference, iccid, imsi, msisdn, profile_state: self.profile_state() })
    }
}

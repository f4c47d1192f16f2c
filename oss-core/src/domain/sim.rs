//! A SIM as it is stored, and the reports on its profile.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    ActivationCode, AttemptState, ClientName, LineId, Msisdn, NumberStatus, ProfileState, SimId, SimStatus,
    SimType, Technology, visible,
};

/// A SIM. It serialises as in the HTTP answer, with its identifiers in full.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(description = "A SIM, with its identifiers in full", examples(json!({
    "id": "01920e4d-7a10-7b3c-9c55-1e8f4b2a6d03",
    "msisdn": "11999950002",
    "lineId": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "iccid": "8955100000000000017",
    "imsi": "724060000000001",
    "simType": "ESIM",
    "technology": "4G",
    "status": "ACTIVE",
    "profileState": "RELEASED",
    "createdAt": "2026-11-25T13:31:02Z",
    "updatedAt": "2026-11-25T13:31:02Z",
}))))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Sim {
    /// Its id.
    pub id: SimId,
    /// The number that is on it, if there is one.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    pub msisdn: Option<Msisdn>,
    /// Its line.
    pub line_id: LineId,
    /// The identifier of the chip or the profile (ITU-T E.118), as it is stored.
    pub iccid: String,
    /// The subscriber's identity in Vivo's network, as it is stored.
    pub imsi: String,
    /// Its kind.
    pub sim_type: SimType,
    /// The radio technology.
    pub technology: Technology,
    /// Its status.
    pub status: SimStatus,
    /// The last state of an eSIM's profile that GSIM reported: `RELEASED`, `DOWNLOADED`, `INSTALLED`, `ENABLED`, `DISABLED`,
    /// `DELETED` or `ERROR`. A card has none.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    pub profile_state: Option<ProfileState>,
    /// The time at which it was issued.
    pub created_at: DateTime<Utc>,
    /// The time of the last change of its status or of its profile.
    pub updated_at: DateTime<Utc>,
}

/// The identifiers are left out.
impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, line_id, sim_type, status, profile_state, .. } = self;
        f.debug_struct("Sim")
            .field("id", id)
            .field("line_id", line_id)
            .field("sim_type", sim_type)
            .field("status", status)
            .field("profile_state", profile_state)
            .finish_non_exhaustive()
    }
}

/// A SIM with its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SimRecord {
    /// The SIM.
    #[serde(flatten)]
    pub sim: Sim,
    /// Every read of its activation code, the latest first.
    pub code_reads: Vec<CodeRead>,
    /// Every report on its profile, the latest first.
    pub profile_reports: Vec<RecordedReport>,
}

/// A read of an activation code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CodeRead {
    /// The client that read it.
    pub client: String,
    /// The time.
    pub read_at: DateTime<Utc>,
}

/// A report on a profile, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RecordedReport {
    /// The state that GSIM reported.
    pub state: ProfileState,
    /// The time of the change, by GSIM's clock.
    pub at: DateTime<Utc>,
    /// GSIM's reason.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub reason: Option<String>,
    /// Whether it changed the profile's state here. A report that came late or contradicts an earlier one does not.
    pub applied: bool,
}

/// The SIMs that a search finds.
#[derive(Debug, Clone)]
pub enum SimFilter {
    /// SIMs with this ICCID: it is used again once a SIM is deprogrammed.
    Iccid(super::Iccid),
    /// SIMs with this IMSI.
    Imsi(super::Imsi),
    /// eSIMs whose profile was last reported to be on this chip.
    Eid(super::Eid),
    /// The SIM that this number is on.
    Msisdn(Msisdn),
    /// SIMs of this line.
    Line(LineId),
}

/// How often, and for how long after a SIM was issued, its activation code can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeLimits {
    /// The number of reads.
    pub reads: u32,
    /// The time.
    pub age: Duration,
}

/// A wish to read an activation code.
#[derive(Debug, Clone)]
pub struct CodeReading {
    /// The SIM.
    pub sim: SimId,
    /// The client that reads it.
    pub client: ClientName,
    /// The limits.
    pub limits: CodeLimits,
}

/// The answer to a wish to read an activation code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeAnswer {
    /// The code. The read is recorded.
    Code(ActivationCode),
    /// There is no such SIM.
    Unknown,
    /// It is a card, or its code is not known.
    NoCode,
    /// The SIM is deprogrammed.
    Deprogrammed,
    /// The profile was installed, or cannot be installed any more.
    Used(ProfileState),
    /// The code was read as often, or as late, as it may.
    LimitReached,
}

/// The most characters of a reason (`profile_report.reason`).
const LONGEST_REASON: usize = 128;

/// A report of GSIM on the profile of an eSIM.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileReport {
    /// The SIM: its id is our reference at GSIM.
    pub sim: SimId,
    /// The state of its profile.
    pub state: ProfileState,
    /// The time of the change, by GSIM's clock.
    pub at: DateTime<Utc>,
    /// GSIM's reason, for people.
    pub reason: Option<String>,
    /// The chip that the profile is on, if GSIM tells.
    pub eid: Option<super::Eid>,
}

impl ProfileReport {
    /// A report. Of the reason, as many characters are kept as the store has room for, and those that cannot be seen become `?`.
    #[must_use]
    pub fn new(sim: SimId, state: ProfileState, at: DateTime<Utc>, reason: Option<&str>) -> Self {
        let kept = |reason: &str| visible(reason).chars().take(LONGEST_REASON).collect();
        Self { sim, state, at, reason: reason.map(kept), eid: None }
    }

    /// The report, of a profile that is on this chip.
    #[must_use]
    pub fn on_chip(self, eid: Option<super::Eid>) -> Self {
        Self { eid, ..self }
    }

    /// Whether it changes a profile. A profile may be switched on and off again and again, so of such reports the time decides.
    pub(crate) fn applies_to(&self, before: &ProfileRow) -> bool {
        let Some(state) = before.state else { return true };
        let is_latest = before.reported_at.is_none_or(|reported_at| self.at > reported_at);
        state.may_become(self.state) && (is_latest || !self.state.may_become(state))
    }

    /// The chip that the profile is on now. A report from before the latest one may name a chip that the profile has left.
    pub(crate) fn current_chip(&self, before: &ProfileRow) -> Option<&super::Eid> {
        let is_late = before.reported_at.is_some_and(|reported_at| self.at < reported_at);
        self.eid.as_ref().filter(|_| !is_late)
    }
}

/// A profile as a store reads it.
#[derive(Debug)]
pub(crate) struct ProfileRow {
    pub(crate) state: Option<ProfileState>,
    /// The time of the latest report, by GSIM's clock.
    pub(crate) reported_at: Option<DateTime<Utc>>,
    /// Whether the report is there already.
    pub(crate) is_repeated: bool,
}

/// An eSIM whose code was read, and of which GSIM has told nothing for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SilentProfile {
    /// The SIM.
    pub sim: SimId,
    /// The last state that GSIM told.
    pub state: Option<ProfileState>,
    /// The time at which GSIM is asked about it, by the clock of the database.
    pub asked_at: DateTime<Utc>,
}

/// The result of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileRecorded {
    /// The profile has the state now.
    Applied,
    /// The report is kept, and the state did not change: it was told before, or the report came late.
    Kept,
    /// There is no such eSIM.
    Unknown,
}

/// A number on a SIM and a line, from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Association {
    /// The SIM.
    pub sim_id: SimId,
    /// The line.
    pub line_id: LineId,
    /// The time from which the number was on the SIM.
    pub since: DateTime<Utc>,
}

/// Our record of a SIM that GSIM lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSim {
    /// The identifiers and the number of the SIM, if it is `ACTIVE` here.
    pub active: Option<SimIdentity>,
    /// The state of its order, or none if there is none.
    pub order: Option<AttemptState>,
    /// The status here of the number that GSIM lists, or none if it never was ours.
    pub number: Option<NumberStatus>,
    /// Whether it changed here so recently that GSIM's list may be older.
    pub young: bool,
}

/// The identifiers of an active SIM, and its number.
#[derive(Clone, PartialEq, Eq)]
pub struct SimIdentity {
    /// The ICCID, as it is stored.
    pub iccid: String,
    /// The IMSI, as it is stored.
    pub imsi: String,
    /// The number that is on it.
    pub msisdn: Option<Msisdn>,
}

/// The identifiers are left out.
impl fmt::Debug for SimIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimIdentity").field("msisdn", &self.msisdn).finish_non_exhaustive()
    }
}

/// A SIM that is `ACTIVE` here and was ordered from GSIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveSim {
    /// Its id.
    pub id: SimId,
    /// The number that is on it.
    pub msisdn: Option<Msisdn>,
    /// Whether it changed so recently that GSIM's list may be older.
    pub young: bool,
}

/// A SIM, and the parts of its activation code, as a store reads them.
#[derive(Debug)]
pub(crate) struct CodeRow {
    pub(crate) status: SimStatus,
    pub(crate) profile: Option<ProfileState>,
    pub(crate) code: Option<ActivationCode>,
    /// Whether it may be read once more.
    pub(crate) within_limits: bool,
}

impl CodeRow {
    /// The reason why the code cannot be read, or the code.
    pub(crate) fn answer(self) -> CodeAnswer {
        let usable = [None, Some(ProfileState::Released), Some(ProfileState::Downloaded)];
        match (self.code, self.profile) {
            _ if self.status != SimStatus::Active => CodeAnswer::Deprogrammed,
            (None, _) => CodeAnswer::NoCode,
            (Some(_), Some(state)) if !usable.contains(&Some(state)) => CodeAnswer::Used(state),
            _ if !self.within_limits => CodeAnswer::LimitReached,
            (Some(code), _) => CodeAnswer::Code(code),
        }
    }
}

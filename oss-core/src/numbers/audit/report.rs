//! The options and the report of an audit.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{AttemptState, BrandId, ExternalId, Msisdn, NumberStatus, SimId};

/// The options of an audit. By default it changes nothing, and skips numbers that changed within two minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct AuditOptions {
    pub(super) fix: bool,
    pub(super) force: bool,
    pub(super) young: Duration,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self { fix: false, force: false, young: Duration::from_mins(2) }
    }
}

impl AuditOptions {
    /// Whether the audit settles the differences that can be settled safely.
    pub fn fix(self, fix: bool) -> Self {
        Self { fix, ..self }
    }

    /// Whether more than 20 holds may be released.
    pub fn force(self, force: bool) -> Self {
        Self { force, ..self }
    }

    /// Skips numbers that changed in Sigan or here within this time. It should be at least as long as a reserve may take.
    pub fn min_age(self, young: Duration) -> Self {
        Self { young, ..self }
    }
}

/// One number about which Sigan and we differ, or one row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Difference {
    /// The number, in full, because a person has to act on it. None if it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msisdn: Option<Msisdn>,
    /// The row that cannot be read, by its table and key, and the reason; none for any other difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// The SIM; none if the difference is about a number's hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sim: Option<SimId>,
    /// The kind of the difference.
    pub kind: DifferenceKind,
    /// Sigan's id of the hold, as it is listed there or recorded here; none if older data has none.
    pub external_id: Option<ExternalId>,
    /// The state of the attempt here; none if there is no attempt.
    pub state: Option<AttemptState>,
    /// The status of the number here; none if it was never ours.
    pub status: Option<NumberStatus>,
    /// The result of the audit's work on it.
    pub outcome: Outcome,
    /// Whether a fix would try to settle it.
    #[serde(skip)]
    pub fixable: bool,
}

impl Difference {
    /// A difference of a kind that is only to be reported, and of which nothing else is known.
    pub(super) fn of(kind: DifferenceKind) -> Self {
        Self {
            msisdn: None,
            row: None,
            sim: None,
            kind,
            external_id: None,
            state: None,
            status: None,
            outcome: Outcome::Reported,
            fixable: false,
        }
    }
}

/// The kinds of differences between Sigan and us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// Sigan holds the number for us, and no record here has that hold.
    UnknownHere,
    /// The number is held here, and Sigan does not hold it for us.
    UnknownThere,
    /// Both have the hold, but it is over here, or the number is held here under another id.
    StateDiffers,
    /// GSIM has the SIM for us, and it is not active here.
    SimUnknownHere,
    /// The SIM is active here, and GSIM does not have it for us.
    SimUnknownThere,
    /// Both have the SIM, with another number, ICCID or IMSI.
    SimDiffers,
    /// The SIM is active on both sides, and no number is on it here.
    SimWithoutNumber,
    /// A row cannot be read, so it cannot be compared.
    Unreadable,
}

impl DifferenceKind {
    /// The kind in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownHere => "held in Sigan, unknown here",
            Self::UnknownThere => "held here, unknown in Sigan",
            Self::StateDiffers => "state differs",
            Self::SimUnknownHere => "SIM in GSIM, not active here",
            Self::SimUnknownThere => "SIM active here, unknown in GSIM",
            Self::SimDiffers => "SIM differs",
            Self::SimWithoutNumber => "SIM without a number",
            Self::Unreadable => "cannot be read",
        }
    }
}

/// The result of an audit's work on a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing was changed, because the difference was only to be reported.
    Reported,
    /// It is settled: the number is given back here, and Sigan has confirmed that the hold is released.
    Fixed,
    /// The number is given back here, and Sigan has not confirmed it yet. The sweep tells Sigan again until it does.
    BeingTold,
    /// Nothing was changed, because a second look did not find the difference, or the number is being worked on.
    Moved,
    /// Nothing was changed, because more releases than the limit have to be forced.
    Limit,
    /// Nothing was changed, because a customer may be on the line, or its hold has no id. A person has to decide.
    Person,
}

impl Outcome {
    /// The outcome in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Fixed => "fixed",
            Self::BeingTold => "given back here; Sigan is being told",
            Self::Moved => "left: it is being worked on",
            Self::Limit => "left: more than 20 releases have to be forced",
            Self::Person => "left: a person has to decide",
        }
    }
}

/// The counts of an audit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AuditReport {
    /// Numbers that Sigan holds for us.
    pub listed: u64,
    /// Numbers that are held here.
    pub held: u64,
    /// Numbers that were skipped because they are young or not settled yet.
    pub unsettled: u64,
    /// Differences of [`DifferenceKind::UnknownHere`].
    pub unknown_here: u64,
    /// Differences of [`DifferenceKind::UnknownThere`].
    pub unknown_there: u64,
    /// Differences of [`DifferenceKind::StateDiffers`].
    pub state_differs: u64,
    /// SIMs that GSIM has for us.
    pub sims_listed: u64,
    /// Differences about SIMs.
    pub sims_differ: u64,
    /// Differences of [`DifferenceKind::Unreadable`].
    pub unreadable: u64,
    /// Differences that were settled.
    pub fixed: u64,
    /// Numbers that were given back here, but whose release Sigan has not confirmed yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub being_told: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl AuditReport {
    pub(super) fn count_outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Fixed => self.fixed += 1,
            Outcome::BeingTold => self.being_told += 1,
            Outcome::Reported | Outcome::Moved | Outcome::Limit | Outcome::Person => {}
        }
    }

    /// The count of holds that were released so far, whether Sigan has confirmed it or not.
    pub(super) fn releases(&self) -> u64 {
        self.fixed + self.being_told
    }

    pub(super) fn count(&mut self, kind: DifferenceKind) {
        match kind {
            DifferenceKind::UnknownHere => self.unknown_here += 1,
            DifferenceKind::UnknownThere => self.unknown_there += 1,
            DifferenceKind::StateDiffers => self.state_differs += 1,
            DifferenceKind::SimUnknownHere
            | DifferenceKind::SimUnknownThere
            | DifferenceKind::SimDiffers
            | DifferenceKind::SimWithoutNumber => self.sims_differ += 1,
            DifferenceKind::Unreadable => self.unreadable += 1,
        }
    }

    /// Whether Sigan and we agree on every number: nothing differs, and every number is settled.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.differences() == 0 && self.unsettled == 0
    }

    /// The count of all differences.
    #[must_use]
    pub fn differences(&self) -> u64 {
        self.unknown_here + self.unknown_there + self.state_differs + self.sims_differ + self.unreadable
    }
}

/// An event of a running audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The audit of a brand begins. A brand without this event is not audited.
    Brand(BrandId),
    /// A difference was found.
    Difference(Difference),
    /// The counts so far.
    Progress(AuditReport),
}

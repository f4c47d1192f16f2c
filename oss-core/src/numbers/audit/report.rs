//! What an audit is told, and what it tells. Values only.

use std::time::Duration;

use serde::Serialize;

use crate::domain::{BrandId, ExternalId, Msisdn, NumberStatus, ReservationState};

/// What an audit may do, and what it leaves alone. Its default changes nothing, and leaves two minutes alone.
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
    /// Whether what can be settled safely is settled.
    pub fn fix(self, fix: bool) -> Self {
        Self { fix, ..self }
    }

    /// Whether more than 20 holds may be released.
    pub fn force(self, force: bool) -> Self {
        Self { force, ..self }
    }

    /// What changed within this time, there or here, is left alone. At least as long as a reserve may take.
    pub fn min_age(self, young: Duration) -> Self {
        Self { young, ..self }
    }
}

/// One number about which Sigan and we differ, or one row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Difference {
    /// The number, in full: whoever audits has to act on it. None if it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msisdn: Option<Msisdn>,
    /// The row that cannot be read, by its table and key, and why; none for any other difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// In which way.
    pub kind: DifferenceKind,
    /// Sigan's id of the hold, there or here; none where older data has none.
    pub external_id: Option<ExternalId>,
    /// How far the attempt has come here; none where there is none.
    pub state: Option<ReservationState>,
    /// What the number is here; none where it never was ours.
    pub status: Option<NumberStatus>,
    /// What was done about it.
    pub outcome: Outcome,
}

impl Difference {
    /// A row that cannot be read.
    pub(super) fn unreadable(row: String) -> Self {
        Self {
            msisdn: None,
            row: Some(row),
            kind: DifferenceKind::Unreadable,
            external_id: None,
            state: None,
            status: None,
            outcome: Outcome::Person,
        }
    }
}

/// How Sigan and we can differ about a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// Sigan holds it for us, and nothing here knows of that hold.
    UnknownHere,
    /// It is held here, and Sigan does not hold it for us.
    UnknownThere,
    /// Both know the hold, and it is over here, or the number is held under another id.
    StateDiffers,
    /// A row cannot be read, so it can be compared with nothing.
    Unreadable,
}

impl DifferenceKind {
    /// The words for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownHere => "held in Sigan, unknown here",
            Self::UnknownThere => "held here, unknown in Sigan",
            Self::StateDiffers => "state differs",
            Self::Unreadable => "cannot be read",
        }
    }
}

/// What an audit did about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing: it was only to be reported.
    Reported,
    /// It is settled: the number is given back here, and Sigan has confirmed that the hold is released.
    Fixed,
    /// The number is given back here, and Sigan has not confirmed it yet. The sweep tells it again until it does.
    BeingTold,
    /// Left: another look did not find it any more, or the number is being worked on.
    Moved,
    /// Left: so many releases have to be forced.
    Limit,
    /// Left: a customer may be on the line, or its hold has no id. A person has to decide.
    Person,
}

impl Outcome {
    /// The words for it.
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

/// What an audit found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AuditReport {
    /// How many numbers Sigan holds for us.
    pub listed: u64,
    /// How many numbers are held here.
    pub held: u64,
    /// How many were left alone because they are young or not settled yet.
    pub unsettled: u64,
    /// Differences of [`DifferenceKind::UnknownHere`].
    pub unknown_here: u64,
    /// Differences of [`DifferenceKind::UnknownThere`].
    pub unknown_there: u64,
    /// Differences of [`DifferenceKind::StateDiffers`].
    pub state_differs: u64,
    /// Differences of [`DifferenceKind::Unreadable`].
    pub unreadable: u64,
    /// Differences that were settled.
    pub fixed: u64,
    /// Numbers that were given back here, and of which Sigan is still being told.
    #[serde(skip_serializing_if = "is_zero")]
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

    /// How many holds were released so far, whether Sigan has confirmed it or not.
    pub(super) fn releases(&self) -> u64 {
        self.fixed + self.being_told
    }

    pub(super) fn count(&mut self, kind: DifferenceKind) {
        match kind {
            DifferenceKind::UnknownHere => self.unknown_here += 1,
            DifferenceKind::UnknownThere => self.unknown_there += 1,
            DifferenceKind::StateDiffers => self.state_differs += 1,
            DifferenceKind::Unreadable => self.unreadable += 1,
        }
    }

    /// Whether Sigan and we agree on every number: nothing differs, and nothing was left unsettled.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.differences() == 0 && self.unsettled == 0
    }

    /// How many differences were found.
    #[must_use]
    pub fn differences(&self) -> u64 {
        self.unknown_here + self.unknown_there + self.state_differs + self.unreadable
    }
}

/// What is told while an audit runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A brand whose audit begins. The brands that are not told are not audited.
    Brand(BrandId),
    /// A difference.
    Difference(Difference),
    /// How far it has come.
    Progress(AuditReport),
}

//! The bounds within which everything is tried.

use std::fmt;

/// Sigan's name for one offer of the number to one customer. Never used for a second offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExternalId {
    /// The offer to the first customer.
    A,
    /// The offer to the second one, made once the first is over.
    B,
}

/// An attempt to hold the number: a row of `reservation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attempt {
    /// The first customer's.
    First,
    /// The first customer's second one from the same preview, possible where the first was rejected.
    Again,
    /// The second customer's.
    Second,
    /// The audit's release of a hold under A that no row here knows: a row without an attempt.
    ReleaseOfA,
    /// The audit's release of a hold under B that no row here knows.
    ReleaseOfB,
}

impl Attempt {
    pub(super) const ALL: [Self; 5] =
        [Self::First, Self::Again, Self::Second, Self::ReleaseOfA, Self::ReleaseOfB];

    pub(super) const fn external_id(self) -> ExternalId {
        match self {
            Self::First | Self::Again | Self::ReleaseOfA => ExternalId::A,
            Self::Second | Self::ReleaseOfB => ExternalId::B,
        }
    }

    /// The row in which the audit releases a hold that no row here knows.
    pub(super) const fn release_of(id: ExternalId) -> Self {
        match id {
            ExternalId::A => Self::ReleaseOfA,
            ExternalId::B => Self::ReleaseOfB,
        }
    }
}

/// How often what may go wrong does, and how often the audit is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Faults {
    /// Requests and answers that are lost, delayed or doubled, and connections that cannot be opened.
    pub network: u8,
    /// Workers that are killed.
    pub kills: u8,
    /// Workers that pause until their lease has run out.
    pub pauses: u8,
    /// Audits, which are no faults but bounded like them.
    pub audits: u8,
    /// Bare refusals of our credentials, by Sigan or by a gateway: before a reserve had its effect, or after it.
    pub credentials: u8,
    /// Failovers of the database that lose the row of an attempt under way.
    pub failovers: u8,
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Self = Self { network: 0, kills: 0, pauses: 0, audits: 0, credentials: 0, failovers: 0 };
}

/// What is explored: who wants the number, and what goes wrong meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// The attempts that may be made.
    pub attempts: &'static [Attempt],
    /// Whether Sigan holds the number for us under A, which we have no row of, as after the restore of an old backup. The preview
    /// of A may still be open: then the first customer may reserve from it.
    pub foreign_hold: bool,
    /// What may go wrong.
    pub faults: Faults,
}

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

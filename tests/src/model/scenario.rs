//! The scenarios: the bounds within which every order of events is tried.

use std::fmt;

/// Sigan's name for one offer of the number to one customer. It is never used for a second offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExternalId {
    /// The offer to the first customer.
    A,
    /// The offer to the second customer, made when the first is over.
    B,
}

/// An attempt to hold the number: a row of `reservation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attempt {
    /// The first customer's attempt.
    First,
    /// The first customer's second attempt from the same preview, possible if the first was rejected.
    Again,
    /// The second customer's attempt.
    Second,
    /// The audit's release of a hold under A that has no row here. The release is a row without an attempt.
    ReleaseOfA,
    /// The audit's release of a hold under B that has no row here.
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

    /// The row in which the audit releases a hold that has no row here.
    pub(super) const fn release_of(id: ExternalId) -> Self {
        match id {
            ExternalId::A => Self::ReleaseOfA,
            ExternalId::B => Self::ReleaseOfB,
        }
    }
}

/// The number of faults of each kind, and of audits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Faults {
    /// Requests and answers that are lost, delayed or doubled, and connections that cannot be opened.
    pub network: u8,
    /// Workers that are killed.
    pub kills: u8,
    /// Workers that pause until their lease has run out.
    pub pauses: u8,
    /// Audits, which are not faults but are limited in the same way.
    pub audits: u8,
    /// Bare refusals of our credentials, by Sigan or by a gateway: before a reserve had its effect, or after it.
    pub credentials: u8,
    /// Failovers of the database that lose the row of an attempt under way.
    pub failovers: u8,
    /// Answers of GSIM that it makes a SIM later, which are no faults either.
    pub delays: u8,
}

impl Faults {
    /// No faults.
    pub const NONE: Self =
        Self { network: 0, kills: 0, pauses: 0, audits: 0, credentials: 0, failovers: 0, delays: 0 };
}

/// A scenario to explore: the customers who want the number, and the faults.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// The attempts that may be made.
    pub attempts: &'static [Attempt],
    /// Whether Sigan holds the number for us under A although we have no row of it, as after the restore of an old backup. If the
    /// preview of A is still open, the first customer may reserve from it.
    pub foreign_hold: bool,
    /// The faults.
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

//! Sigan, reduced to one number.

use std::fmt;

use super::network::{Answer, Request};
use super::safeguards::{Safeguard, Safeguards};
use super::scenario::ExternalId;

/// The state of an external id at Sigan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Hold {
    NotOffered,
    PreReserved,
    Reserved,
    /// Released, cancelled or lapsed, forever.
    Over,
}

/// The holds of the number. Never two at once, because an offer is made only if nobody holds the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Sigan {
    a: Hold,
    b: Hold,
}

impl Sigan {
    pub(super) const fn new(a: Hold) -> Self {
        Self { a, b: Hold::NotOffered }
    }

    pub(super) const fn hold(self, id: ExternalId) -> Hold {
        match id {
            ExternalId::A => self.a,
            ExternalId::B => self.b,
        }
    }

    /// The id under which the number is reserved or pre-reserved.
    pub(super) fn holder(self) -> Option<ExternalId> {
        let holds = |id: &ExternalId| matches!(self.hold(*id), Hold::PreReserved | Hold::Reserved);
        [ExternalId::A, ExternalId::B].into_iter().find(holds)
    }

    /// The id under which the number is reserved.
    pub(super) fn reserved(self) -> Option<ExternalId> {
        self.holder().filter(|&id| self.hold(id) == Hold::Reserved)
    }

    pub(super) const fn set(&mut self, id: ExternalId, hold: Hold) {
        match id {
            ExternalId::A => self.a = hold,
            ExternalId::B => self.b = hold,
        }
    }

    /// Executes a request in one step.
    pub(super) fn execute(&mut self, request: Request, safeguards: Safeguards) -> Answer {
        match request {
            Request::Reserve(id) => self.reserve(id, safeguards),
            Request::Holder(id) if self.hold(id) == Hold::Reserved => Answer::Ours,
            Request::Holder(_) => Answer::NotOurs,
            Request::Release(id) => {
                let freed = if safeguards.has(Safeguard::ReleaseById) { Some(id) } else { self.holder() };
                if let Some(freed) = freed {
                    self.set(freed, Hold::Over);
                }
                Answer::Over
            }
        }
    }

    fn reserve(&mut self, id: ExternalId, safeguards: Safeguards) -> Answer {
        let may_reserve = match self.hold(id) {
            Hold::PreReserved | Hold::Reserved => true,
            Hold::Over => !safeguards.has(Safeguard::OverForEver) && self.holder().is_none(),
            Hold::NotOffered => false,
        };
        if !may_reserve {
            return Answer::Refused;
        }
        self.set(id, Hold::Reserved);
        Answer::Granted
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotOffered => "not offered",
            Self::PreReserved => "pre-reserved",
            Self::Reserved => "reserved",
            Self::Over => "over",
        })
    }
}

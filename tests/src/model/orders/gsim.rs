//! GSIM, reduced to a few orders.

use std::fmt;

use super::possible::Model;
use super::safeguards::Safeguard;
use super::scenario::Sim;
use super::worker::{Answer, Request};

/// A reference at GSIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Entry {
    Unknown,
    /// GSIM has accepted the order, and makes the SIM later.
    Accepted,
    /// The order is made. There are two SIMs only if [`Safeguard::IdempotentOrders`] is left out.
    Made {
        sims: u8,
    },
    /// Cancelled or deprogrammed, forever.
    Barred,
}

/// Each order of GSIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Gsim([Entry; Sim::ALL.len()]);

impl Gsim {
    pub(super) const EMPTY: Self = Self([Entry::Unknown; Sim::ALL.len()]);

    pub(super) const fn entry(self, sim: Sim) -> Entry {
        self.0[sim as usize]
    }

    /// The count of SIMs under a reference.
    pub(super) const fn sims(self, sim: Sim) -> u8 {
        match self.entry(sim) {
            Entry::Made { sims } => sims,
            Entry::Unknown | Entry::Accepted | Entry::Barred => 0,
        }
    }

    pub(super) const fn has(self, sim: Sim) -> bool {
        self.sims(sim) > 0
    }

    /// Whether GSIM has a SIM under a reference, or makes one.
    pub(super) const fn has_order(self, sim: Sim) -> bool {
        matches!(self.entry(sim), Entry::Accepted | Entry::Made { .. })
    }

    /// Makes the SIM of an order that was accepted.
    pub(super) const fn make_accepted(&mut self, sim: Sim) {
        self.set(sim, Entry::Made { sims: 1 });
    }

    const fn set(&mut self, sim: Sim, entry: Entry) {
        self.0[sim as usize] = entry;
    }
}

impl Model {
    /// Executes a request at GSIM in one step.
    pub(super) fn execute(&self, gsim: &mut Gsim, request: Request) -> Answer {
        match (request, gsim.entry(request.sim())) {
            (Request::Order(sim), _) => self.make(gsim, sim),
            (Request::Ask(sim), Entry::Accepted) => {
                gsim.make_accepted(sim);
                Answer::Issued
            }
            (Request::Ask(_), Entry::Made { .. }) => Answer::Issued,
            (Request::Ask(_), Entry::Unknown | Entry::Barred) => Answer::Unknown,
            (Request::Cancel(sim), Entry::Made { sims: 2.. }) => {
                gsim.set(sim, Entry::Made { sims: 1 });
                Answer::Over
            }
            (Request::Cancel(sim), _) => {
                gsim.set(sim, Entry::Barred);
                Answer::Over
            }
        }
    }

    /// Whether GSIM may answer a request with 202: it makes the SIM of the order later.
    pub(super) fn may_accept(&self, gsim: Gsim, request: Request) -> bool {
        match (request, gsim.entry(request.sim())) {
            (Request::Order(sim), Entry::Unknown) => !self.is_refused(gsim, sim),
            (Request::Order(_) | Request::Ask(_), Entry::Accepted) => true,
            _ => false,
        }
    }

    /// Accepts an order, or accepts it still.
    pub(super) const fn accept(gsim: &mut Gsim, sim: Sim) -> Answer {
        gsim.set(sim, Entry::Accepted);
        Answer::Accepted
    }

    fn make(&self, gsim: &mut Gsim, sim: Sim) -> Answer {
        let sims = match gsim.entry(sim) {
            Entry::Barred if self.has(Safeguard::BarredForEver) => return Answer::Cancelled,
            Entry::Made { .. } if self.has(Safeguard::IdempotentOrders) => return Answer::Issued,
            Entry::Made { .. } => 2,
            Entry::Unknown | Entry::Barred if self.is_refused(*gsim, sim) => return Answer::Refused,
            Entry::Unknown | Entry::Barred | Entry::Accepted => 1,
        };
        gsim.set(sim, Entry::Made { sims });
        Answer::Issued
    }

    fn is_refused(&self, gsim: Gsim, sim: Sim) -> bool {
        self.has(Safeguard::OneSimPerNumber) && self.number_has_sim(gsim, sim)
            || self.has(Safeguard::OneNumberPerCard) && self.card_is_used(gsim, sim)
    }

    /// Whether the number has a SIM besides the one that this order replaces, and those that others have replaced.
    pub(super) fn number_has_sim(&self, gsim: Gsim, sim: Sim) -> bool {
        let wish = self.scenario.wish(sim);
        let made =
            || self.scenario.sims_of(wish.number).filter(|other| *other != sim && gsim.has_order(*other));
        let is_replaced = |old: Sim| made().any(|other| self.scenario.wish(other).replaces == Some(old));
        made().any(|other| Some(other) != wish.replaces && !is_replaced(other))
    }

    /// Whether the card of an order is in use under another reference.
    pub(super) fn card_is_used(&self, gsim: Gsim, sim: Sim) -> bool {
        let is_on_card = |other: Sim| self.scenario.wish(other).on_card;
        is_on_card(sim)
            && self.scenario.sims().any(|other| other != sim && is_on_card(other) && gsim.has_order(other))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown"),
            Self::Accepted => f.write_str("accepted"),
            Self::Made { sims: 1 } => f.write_str("made"),
            Self::Made { .. } => f.write_str("made twice"),
            Self::Barred => f.write_str("barred"),
        }
    }
}

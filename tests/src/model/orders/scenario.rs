//! The scenarios: the bounds within which every order of events is tried.

use std::fmt;

use super::super::scenario::Faults;

/// A number that Sigan holds for us at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Number {
    /// The number of most scenarios.
    One,
    /// Another customer's number.
    Two,
}

/// A SIM, its order, and our reference at GSIM. It is never used for a second order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sim {
    /// The scenario's first wish.
    A,
    /// Its second wish.
    B,
    /// Its third wish.
    C,
}

impl Sim {
    pub(super) const ALL: [Self; 3] = [Self::A, Self::B, Self::C];
}

/// A customer's wish for a SIM.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// The number.
    pub number: Number,
    /// The SIM that it replaces. The first SIM of a number replaces none.
    pub replaces: Option<Sim>,
    /// Whether it is for the one plastic card that there is, not for an eSIM.
    pub on_card: bool,
}

/// A scenario to explore: the wishes, and the faults.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// The wishes: for A, for B and for C.
    pub wishes: &'static [Wish],
    /// The faults. Credentials, audits and failovers are not part of this model.
    pub faults: Faults,
}

impl Scenario {
    pub(super) const fn wish(&self, sim: Sim) -> Wish {
        self.wishes[sim as usize]
    }

    pub(super) fn sims(&self) -> impl Iterator<Item = Sim> {
        Sim::ALL.into_iter().take(self.wishes.len())
    }

    /// The SIMs that are wished for a number.
    pub(super) fn sims_of(&self, number: Number) -> impl Iterator<Item = Sim> {
        self.sims().filter(move |sim| self.wish(*sim).number == number)
    }

    /// The numbers for which there is a wish.
    pub(super) fn numbers(&self) -> impl Iterator<Item = Number> {
        [Number::One, Number::Two].into_iter().filter(|number| self.sims_of(*number).next().is_some())
    }
}

impl fmt::Display for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

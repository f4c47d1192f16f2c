//! The protocol of SIM orders, and the states that must never occur.

use oss_core::AttemptState;

use super::super::explore::{self, Exploration, Protocol};
use super::action::Action;
use super::order::Order;
use super::possible::Model;
use super::safeguards::Safeguard;
use super::scenario::{Scenario, Sim};
use super::sights::Sight;
use super::state::State;

/// A state that must never occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// GSIM has two SIMs for a number, neither in place of the other, or one card for two numbers.
    Shared,
    /// The SIMs that are ACTIVE here, those that numbers are on, and those whose orders are HELD are not the same ones.
    Torn,
    /// A SIM is ACTIVE here that GSIM does not have.
    Dead,
    /// Sigan does not hold a number that is RESERVED or `IN_USE` here, or that a SIM of ours has in GSIM.
    GivenAway,
    /// Everything is at rest, and GSIM has a SIM that is not ACTIVE here, or Sigan holds a number that is neither RESERVED nor `IN_USE`.
    Leak,
    /// Everything is at rest, and an order is not settled, or a reservation still waits for one.
    Stuck,
}

/// Visits every state that can follow from the scenario's first without some of the safeguards, until one violates an invariant.
#[must_use]
pub fn explore(scenario: Scenario, left_out: &'static [Safeguard]) -> Exploration<Violation, Sight> {
    explore::explore(&Model { scenario, left_out })
}

impl Protocol for Model {
    type State = State;
    type Action = Action;
    type Violation = Violation;
    type Sight = Sight;

    const SIGHTS: &'static [Sight] = &Sight::ALL;

    fn start(&self) -> State {
        State::initial(self.scenario.faults)
    }

    fn possible(&self, state: &State) -> Vec<Action> {
        self.possible(state)
    }

    fn after(&self, state: &State, action: Action) -> State {
        self.after(state, action)
    }

    fn is_due(&self, action: Action) -> bool {
        action.is_due()
    }

    fn violation(&self, state: &State, at_rest: bool) -> Option<Violation> {
        if self.is_shared(state) {
            Some(Violation::Shared)
        } else if self.is_torn(state) {
            Some(Violation::Torn)
        } else if self.scenario.sims().any(|sim| state.is_active(sim) && !state.gsim.has(sim)) {
            Some(Violation::Dead)
        } else if self.is_given_away(state) {
            Some(Violation::GivenAway)
        } else if at_rest && self.is_unsettled(state) {
            Some(Violation::Stuck)
        } else if at_rest && self.leaks(state) {
            Some(Violation::Leak)
        } else {
            None
        }
    }

    fn violation_by(&self, _before: &State, _action: Action, _after: &State) -> Option<Violation> {
        None
    }

    fn shows(&self, sight: Sight, before: &State, action: Action, after: &State) -> bool {
        sight.is_shown_by(self, before, action, after)
    }
}

impl Model {
    fn is_shared(&self, state: &State) -> bool {
        let gsim = state.gsim;
        let mut made = self.scenario.sims().filter(|sim| gsim.has(*sim));
        made.any(|sim| self.has_rival(state, sim) || self.card_is_used(gsim, sim))
    }

    /// Whether GSIM has another SIM for the number, which neither replaces this one nor is replaced by it or by a third.
    fn has_rival(&self, state: &State, sim: Sim) -> bool {
        let number = self.scenario.wish(sim).number;
        let made = || self.scenario.sims_of(number).filter(|other| state.gsim.has(*other));
        let is_replaced = made().any(|other| self.scenario.wish(other).replaces == Some(sim));
        !is_replaced && self.number_has_sim(state.gsim, sim)
    }

    fn is_torn(&self, state: &State) -> bool {
        self.scenario.sims().any(|sim| {
            let is_held = state.order(sim).is_some_and(|order| order.state == AttemptState::Held);
            let has_number = state.number(self.scenario.wish(sim).number).sim == Some(sim);
            let is_active = state.is_active(sim);
            is_active != has_number || is_active != is_held
        })
    }

    fn is_given_away(&self, state: &State) -> bool {
        self.scenario.numbers().filter(|number| !state.is_held(*number)).any(|number| {
            let has_sim = self.scenario.sims_of(number).any(|sim| state.gsim.has_order(sim));
            state.number(number).is_ours() || has_sim
        })
    }

    fn leaks(&self, state: &State) -> bool {
        let mut sims = self.scenario.sims();
        let mut numbers = self.scenario.numbers();
        sims.any(|sim| state.gsim.sims(sim) != u8::from(state.is_active(sim)))
            || numbers.any(|number| state.is_held(number) && !state.number(number).is_ours())
    }

    fn is_unsettled(&self, state: &State) -> bool {
        let mut numbers = self.scenario.numbers();
        self.scenario.sims().any(|sim| state.order(sim).is_some_and(Order::is_unsettled))
            || numbers.any(|number| state.number(number).order.is_some())
    }
}

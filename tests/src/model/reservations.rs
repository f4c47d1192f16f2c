//! The protocol of reservations, and the states that must never occur.

use super::action::Action;
use super::explore::{self, Exploration, Protocol};
use super::possible::Model;
use super::row::Row;
use super::safeguards::Safeguards;
use super::scenario::{Attempt, ExternalId, Scenario};
use super::sights::Sight;
use super::state::State;

/// A state that must never occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// The number is live in two attempts, so two customers may both be promised it.
    Double,
    /// A customer was promised the number and has not given it back, but Sigan does not hold it for that customer, or we gave it up.
    Kill,
    /// Everything is at rest, and Sigan holds the number for nobody.
    Leak,
    /// Everything is at rest, and an attempt is not settled.
    Stuck,
}

/// Visits every state that can follow from the scenario's first, until one violates an invariant.
#[must_use]
pub fn explore(scenario: Scenario, safeguards: Safeguards) -> Exploration<Violation, Sight> {
    explore::explore(&Model { scenario, safeguards })
}

impl Protocol for Model {
    type State = State;
    type Action = Action;
    type Violation = Violation;
    type Sight = Sight;

    const SIGHTS: &'static [Sight] = &Sight::ALL;

    fn start(&self) -> State {
        State::initial(&self.scenario)
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
        let held = state.rows().filter(|(_, row)| *row == Row::Held);
        let promised: Vec<ExternalId> = held.map(|(attempt, _)| attempt.external_id()).collect();
        let reserved = state.sigan.reserved();
        if state.live_rows() > 1 {
            Some(Violation::Double)
        } else if promised.iter().any(|&id| Some(id) != reserved) {
            Some(Violation::Kill)
        } else if at_rest && reserved.is_some_and(|id| !promised.contains(&id)) {
            Some(Violation::Leak)
        } else if at_rest && state.rows().any(|(_, row)| row.is_unsettled()) {
            Some(Violation::Stuck)
        } else {
            None
        }
    }

    /// A customer lost a promised number without giving it back.
    fn violation_by(&self, before: &State, action: Action, after: &State) -> Option<Violation> {
        let is_lost = |(attempt, row): (Attempt, Row)| {
            row == Row::Held && action != Action::GiveBack(attempt) && after.row(attempt) != Some(Row::Held)
        };
        before.rows().any(is_lost).then_some(Violation::Kill)
    }

    fn shows(&self, sight: Sight, before: &State, action: Action, after: &State) -> bool {
        sight.is_shown_by(before, action, after)
    }
}

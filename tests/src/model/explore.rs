//! Explores every order of events, the shortest first.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use super::action::Action;
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

/// The shortest way to a violation.
#[derive(Debug, Clone)]
pub struct Trace {
    /// The violation at its end.
    pub violation: Violation,
    start: State,
    steps: Vec<(Action, State)>,
}

impl Trace {
    /// The number of steps.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether the very first state is a violation.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// The result of an exploration.
#[derive(Debug, Clone)]
pub struct Exploration {
    /// The number of different states.
    pub states: usize,
    /// The number of states in which everything is at rest.
    pub at_rest: usize,
    /// The situations that occurred.
    pub sights: Vec<Sight>,
    /// The first violation. Nothing was explored after it.
    pub violation: Option<Trace>,
}

/// Visits every state that can follow from the scenario's first, until one violates an invariant.
///
/// States are compared by 64 bits of hash. With a million states, one in thirty million runs overlooks a state.
#[must_use]
pub fn explore(scenario: Scenario, safeguards: Safeguards) -> Exploration {
    let model = Model { scenario, safeguards };
    let start = State::initial(&scenario);
    let mut seen = HashMap::from([(fingerprint(&start), None)]);
    let mut found = Exploration { states: 1, at_rest: 0, sights: Vec::new(), violation: None };
    let mut unseen_sights = Sight::ALL.to_vec();
    let mut queue = VecDeque::from([start]);
    'states: while let Some(state) = queue.pop_front() {
        let actions = model.possible(&state);
        let at_rest = !actions.iter().any(|action| action.is_due());
        found.at_rest += usize::from(at_rest);
        if let Some(violation) = violation(&state, at_rest) {
            found.violation = Some(trace(&model, &seen, &state, violation));
            break;
        }
        let parent = fingerprint(&state);
        for action in actions {
            let next = model.after(&state, action);
            unseen_sights.retain(|sight| {
                let shown = sight.is_shown_by(&state, action, &next);
                found.sights.extend(shown.then_some(*sight));
                !shown
            });
            let Entry::Vacant(entry) = seen.entry(fingerprint(&next)) else { continue };
            entry.insert(Some(parent));
            if breaks_promise(&state, action, &next) {
                found.violation = Some(trace(&model, &seen, &next, Violation::Kill));
                break 'states;
            }
            queue.push_back(next);
        }
    }
    found.states = seen.len();
    found
}

/// The violation of a state, if there is one.
fn violation(state: &State, at_rest: bool) -> Option<Violation> {
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

/// Whether a customer lost a promised number without giving it back.
fn breaks_promise(before: &State, action: Action, after: &State) -> bool {
    let held = |&(attempt, row): &(Attempt, Row)| {
        row == Row::Held && action != Action::GiveBack(attempt) && after.row(attempt) != Some(Row::Held)
    };
    before.rows().any(|row| held(&row))
}

fn fingerprint(state: &State) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(state)
}

/// The way from the first state to `last`. Only the fingerprints of its states were kept, so the way is walked again.
fn trace(model: &Model, seen: &HashMap<u64, Option<u64>>, last: &State, violation: Violation) -> Trace {
    let mut way = Vec::new();
    let mut at = fingerprint(last);
    while let Some(Some(parent)) = seen.get(&at) {
        way.push(at);
        at = *parent;
    }
    let start = State::initial(&model.scenario);
    let mut steps: Vec<(Action, State)> = Vec::new();
    while let Some(next) = way.pop() {
        let here = steps.last().map_or(&start, |(_, state)| state);
        let successors = model.possible(here).into_iter().map(|action| (action, model.after(here, action)));
        steps.extend({ successors }.find(|(_, state)| fingerprint(state) == next));
    }
    Trace { violation, start, steps }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?} in {} steps", self.violation, self.len())?;
        writeln!(f, "     {}", self.start)?;
        for (at, (action, state)) in self.steps.iter().enumerate() {
            writeln!(f, "{:>3}. {action}\n     {state}", at + 1)?;
        }
        Ok(())
    }
}

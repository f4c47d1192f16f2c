//! Explores every order of events, the shortest first.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

/// A protocol in one scenario, with some of its safeguards.
pub(super) trait Protocol {
    /// Everything that decides which steps can follow.
    type State: Clone + Hash + fmt::Display;
    /// A step.
    type Action: Copy + fmt::Display;
    /// A state or a step that must never occur.
    type Violation: Copy + fmt::Debug;
    /// A situation that a test must reach.
    type Sight: Copy + 'static;

    /// Every sight.
    const SIGHTS: &'static [Self::Sight];

    /// The first state.
    fn start(&self) -> Self::State;

    /// Every step that can follow.
    fn possible(&self, state: &Self::State) -> Vec<Self::Action>;

    /// The state after a step that was possible.
    fn after(&self, state: &Self::State, action: Self::Action) -> Self::State;

    /// Whether a step certainly happens some time: it needs no wish of a customer, no fault and no chance. If no such step is left,
    /// everything is at rest.
    fn is_due(&self, action: Self::Action) -> bool;

    /// The violation of a state, if there is one.
    fn violation(&self, state: &Self::State, at_rest: bool) -> Option<Self::Violation>;

    /// The violation by a step, if there is one.
    fn violation_by(
        &self,
        before: &Self::State,
        action: Self::Action,
        after: &Self::State,
    ) -> Option<Self::Violation>;

    /// Whether a step reaches a situation.
    fn shows(
        &self,
        sight: Self::Sight,
        before: &Self::State,
        action: Self::Action,
        after: &Self::State,
    ) -> bool;
}

/// The shortest way to a violation.
#[derive(Debug, Clone)]
pub struct Trace<V> {
    /// The violation at its end.
    pub violation: V,
    /// Each step, with the state after it.
    steps: String,
}

/// The result of an exploration.
#[derive(Debug, Clone)]
pub struct Exploration<V, S> {
    /// The number of different states.
    pub states: usize,
    /// The number of states in which everything is at rest.
    pub at_rest: usize,
    /// The situations that occurred.
    pub sights: Vec<S>,
    /// The first violation. Nothing was explored after it.
    pub violation: Option<Trace<V>>,
}

/// Visits every state that can follow from the first one, until one violates an invariant.
///
/// States are compared by 64 bits of hash. With a million states, one in thirty million runs overlooks a state.
pub(super) fn explore<P: Protocol>(model: &P) -> Exploration<P::Violation, P::Sight> {
    let start = model.start();
    let mut seen = HashMap::from([(fingerprint(&start), None)]);
    let mut found = Exploration { states: 1, at_rest: 0, sights: Vec::new(), violation: None };
    let mut unseen_sights = P::SIGHTS.to_vec();
    let mut queue = VecDeque::from([start]);
    'states: while let Some(state) = queue.pop_front() {
        let actions = model.possible(&state);
        let at_rest = !actions.iter().any(|action| model.is_due(*action));
        found.at_rest += usize::from(at_rest);
        if let Some(violation) = model.violation(&state, at_rest) {
            found.violation = Some(trace(model, &seen, &state, violation));
            break;
        }
        let parent = fingerprint(&state);
        for action in actions {
            let next = model.after(&state, action);
            unseen_sights.retain(|sight| {
                let shown = model.shows(*sight, &state, action, &next);
                found.sights.extend(shown.then_some(*sight));
                !shown
            });
            let Entry::Vacant(entry) = seen.entry(fingerprint(&next)) else { continue };
            entry.insert(Some(parent));
            if let Some(violation) = model.violation_by(&state, action, &next) {
                found.violation = Some(trace(model, &seen, &next, violation));
                break 'states;
            }
            queue.push_back(next);
        }
    }
    found.states = seen.len();
    found
}

fn fingerprint(state: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(state)
}

/// The way from the first state to `last`. Only the fingerprints of its states were kept, so the way is walked again.
fn trace<P: Protocol>(
    model: &P,
    seen: &HashMap<u64, Option<u64>>,
    last: &P::State,
    violation: P::Violation,
) -> Trace<P::Violation> {
    let mut way = Vec::new();
    let mut at = fingerprint(last);
    while let Some(Some(parent)) = seen.get(&at) {
        way.push(at);
        at = *parent;
    }
    let mut here = model.start();
    let mut steps = vec![format!("     {here}\n")];
    for (at, next) in way.into_iter().rev().enumerate() {
        let successors = model.possible(&here).into_iter().map(|action| (action, model.after(&here, action)));
        let Some((action, state)) = { successors }.find(|(_, state)| fingerprint(state) == next) else {
            break;
        };
        steps.push(format!("{:>3}. {action}\n     {state}\n", at + 1));
        here = state;
    }
    Trace { violation, steps: steps.concat() }
}

impl<V: fmt::Debug> fmt::Display for Trace<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}\n{}", self.violation, self.steps)
    }
}

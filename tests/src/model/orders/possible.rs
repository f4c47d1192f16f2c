//! The steps that can follow a state.

use oss_core::AttemptState;

use super::action::{Action, Failure};
use super::gsim::Entry;
use super::order::Order;
use super::safeguards::Safeguard;
use super::scenario::{Number, Scenario, Sim};
use super::state::State;
use super::worker::{Answer, Progress, Task, Worker};

/// The protocol with some of its safeguards, in one scenario.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    pub(super) scenario: Scenario,
    pub(super) left_out: &'static [Safeguard],
}

impl Model {
    /// Whether a safeguard is in force.
    pub(super) fn has(&self, safeguard: Safeguard) -> bool {
        !self.left_out.contains(&safeguard)
    }

    /// Every step that can follow.
    pub(super) fn possible(&self, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        for number in self.scenario.numbers() {
            self.add_actions_of_number(state, number, &mut actions);
        }
        for sim in self.scenario.sims() {
            match state.order(sim) {
                None if self.may_begin(state, sim) => actions.push(Action::Begin(sim)),
                None => {}
                Some(order) => add_actions_of_order(state, sim, order, &mut actions),
            }
        }
        for worker in state.workers() {
            add_worker_actions(state, worker, &mut actions);
            let is_sent = worker.progress == Progress::Sent && state.left.delays > 0;
            if is_sent && self.may_accept(state.gsim, worker.request()) {
                actions.push(Action::Accept(worker));
            }
        }
        let accepted = self.scenario.sims().filter(|sim| state.gsim.entry(*sim) == Entry::Accepted);
        actions.extend(accepted.map(Action::MakeAccepted));
        actions.extend(state.late.iter().copied().map(Action::ExecuteLate));
        actions
    }

    /// A customer gives a number back or ends its line, and Sigan is told.
    fn add_actions_of_number(&self, state: &State, number: Number, actions: &mut Vec<Action>) {
        let row = state.number(number);
        let is_free_without = |blocks| row.order.is_none() || !self.has(blocks);
        match row.reservation {
            AttemptState::Held if is_free_without(Safeguard::OrderBlocksGiveBack) => {
                actions.push(Action::GiveBack(number));
            }
            AttemptState::Assigned if is_free_without(Safeguard::OrderBlocksEnd) => {
                actions.push(Action::EndLine(number));
            }
            AttemptState::Releasing if row.order.is_none() && !self.waits_for_gsim(state, number) => {
                actions.push(Action::TellSigan(number));
            }
            _ => {}
        }
    }

    /// Whether GSIM has still to be told of a SIM of the number.
    fn waits_for_gsim(&self, state: &State, number: Number) -> bool {
        let is_releasing = |order: Order| order.state == AttemptState::Releasing;
        let mut sims = self.scenario.sims_of(number);
        self.has(Safeguard::SiganAfterEverySim) && sims.any(|sim| state.order(sim).is_some_and(is_releasing))
    }

    /// Whether the statement that begins an order would insert a row.
    fn may_begin(&self, state: &State, sim: Sim) -> bool {
        let wish = self.scenario.wish(sim);
        let number = state.number(wish.number);
        let is_wanted = number.is_ours() && number.sim == wish.replaces;
        let is_open = |other: Sim| state.order(other).is_some_and(Order::is_open);
        let is_barred = self.scenario.sims_of(wish.number).any(is_open);
        is_wanted
            && state.workers_of(sim).next().is_none()
            && !(is_barred && self.has(Safeguard::OneOpenOrder))
            && !(number.order.is_some() && self.has(Safeguard::OneOrderForReservation))
    }
}

/// The steps of an order: its customer repeats it, or the sweep takes it up.
fn add_actions_of_order(state: &State, sim: Sim, order: Order, actions: &mut Vec<Action>) {
    if order.take_up().is_some() {
        actions.extend([Action::Repeat(sim), Action::Recover(sim)]);
    }
    let mut workers = state.workers_of(sim);
    match order.state {
        AttemptState::Pending if !order.lapsed => {
            if !workers.any(|worker| worker.call == order.call) {
                actions.push(Action::LeaseEnds(sim));
            } else if state.left.pauses > 0 {
                actions.push(Action::Pause(sim));
            }
        }
        AttemptState::Releasing | AttemptState::Cancelling
            if !workers.any(|worker| worker.task == Task::Deliver) =>
        {
            actions.push(Action::Deliver(sim));
        }
        _ => {}
    }
}

/// A worker goes on, or fails.
fn add_worker_actions(state: &State, worker: Worker, actions: &mut Vec<Action>) {
    let network_may_fail = state.left.network > 0;
    let mut fail = |failure| {
        if network_may_fail {
            actions.push(Action::Network(worker, failure));
        }
    };
    match worker.progress {
        Progress::ToSend => {
            fail(Failure::Unreachable);
            actions.push(Action::Send(worker));
        }
        Progress::Sent => {
            fail(Failure::Lose);
            // A late or doubled question changes nothing.
            if worker.task != Task::Ask {
                fail(Failure::Delay);
                fail(Failure::Double);
            }
            if worker.task == Task::Order {
                fail(Failure::RefuseForNow);
            }
            actions.push(Action::Execute(worker));
        }
        Progress::Answered(answer) => {
            if !matches!(answer, Answer::NotSent | Answer::Missing) {
                fail(Failure::Lose);
            }
            actions.push(Action::Record(worker));
        }
    }
    if state.left.kills > 0 {
        actions.push(Action::Kill(worker));
    }
}

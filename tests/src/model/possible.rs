//! The steps that can follow a state.

use super::action::{Action, Failure};
use super::network::{Answer, Progress, Task, Worker};
use super::row::Row;
use super::safeguards::Safeguards;
use super::scenario::{Attempt, ExternalId, Scenario};
use super::sigan::Hold;
use super::state::State;

/// The protocol with some of its safeguards, in one scenario.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    pub(super) scenario: Scenario,
    pub(super) safeguards: Safeguards,
}

impl Model {
    /// Every step that can follow.
    pub(super) fn possible(&self, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        add_sigan_actions(state, &mut actions);
        for &attempt in self.scenario.attempts {
            self.add_customer_actions(state, attempt, &mut actions);
        }
        for (attempt, row) in state.rows() {
            add_sweeper_actions(state, attempt, row, &mut actions);
        }
        for worker in state.workers() {
            add_worker_actions(state, worker, &mut actions);
        }
        actions.extend(state.late.iter().copied().map(Action::ExecuteLate));
        match state.audit {
            None if state.left.audits > 0 || self.only_an_audit_can_help(state, &actions) => {
                actions.push(Action::AuditBegins);
            }
            None => {}
            Some(_) => actions.push(Action::AuditEnds),
        }
        actions
    }

    /// Whether the initial hold is still a stray when everything else is at rest. Audits that came too early, while an attempt worked
    /// on it, do not count, because there is always another audit.
    fn only_an_audit_can_help(&self, state: &State, actions: &[Action]) -> bool {
        let is_stray = state.sigan.reserved() == Some(ExternalId::A) && !state.audit_spares(ExternalId::A);
        self.scenario.foreign_hold && is_stray && !actions.iter().any(|action| action.is_due())
    }

    /// A customer asks, asks again, or gives back.
    fn add_customer_actions(&self, state: &State, attempt: Attempt, actions: &mut Vec<Action>) {
        let at_work = state.workers().any(|worker| worker.attempt == attempt);
        match state.row(attempt) {
            None if !at_work && self.may_begin(state, attempt) => actions.push(Action::Begin(attempt)),
            None => {}
            Some(row) => {
                if row.take_up().is_some() {
                    actions.push(Action::Repeat(attempt));
                }
                if row.give_back().is_some() {
                    actions.push(Action::GiveBack(attempt));
                }
            }
        }
    }

    /// Whether the statement that begins an attempt would insert a row.
    fn may_begin(&self, state: &State, attempt: Attempt) -> bool {
        let offered = state.sigan.hold(attempt.external_id()) != Hold::NotOffered;
        offered && !state.is_barred(attempt, Row::BEGUN, self.safeguards) && follows(state, attempt)
    }
}

/// Whether this attempt may begin: the first customer's second attempt follows the first, which was rejected or lost.
fn follows(state: &State, attempt: Attempt) -> bool {
    let first = state.row(Attempt::First);
    let first_is_lost = || first.is_none() && state.workers().any(|worker| worker.attempt == Attempt::First);
    attempt != Attempt::Again || first == Some(Row::Rejected) || first_is_lost()
}

/// A worker goes on, or fails.
fn add_worker_actions(state: &State, worker: Worker, actions: &mut Vec<Action>) {
    if may_be_forbidden(worker) && state.left.credentials > 0 {
        actions.push(Action::Network(worker, Failure::Forbid));
    }
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
            fail(Failure::LoseRequest);
            // A late or doubled question changes nothing.
            if worker.task != Task::AskHolder {
                fail(Failure::Delay);
                fail(Failure::Double);
            }
            if worker.task == Task::Reserve {
                fail(Failure::RefuseForNow);
            }
            actions.push(Action::Execute(worker));
        }
        Progress::Answered(answer) => {
            if !matches!(answer, Answer::NotSent | Answer::Missing | Answer::Forbidden) {
                fail(Failure::LoseAnswer);
            }
            actions.push(Action::Record(worker));
        }
    }
    if state.left.kills > 0 {
        actions.push(Action::Kill(worker));
    }
}

/// Whether credentials may be refused instead of Sigan's answer, before or after the effect.
fn may_be_forbidden(worker: Worker) -> bool {
    let at_sigan = matches!(worker.progress, Progress::Sent | Progress::Answered(Answer::Granted));
    worker.task == Task::Reserve && at_sigan
}

/// Sigan drops a pre-reservation whose time is over, and offers the number again if nobody holds it.
fn add_sigan_actions(state: &State, actions: &mut Vec<Action>) {
    for id in [ExternalId::A, ExternalId::B] {
        if state.sigan.hold(id) == Hold::PreReserved {
            actions.push(Action::Drop(id));
        }
    }
    if state.sigan.hold(ExternalId::B) == Hold::NotOffered && state.sigan.holder().is_none() {
        actions.push(Action::Offer(ExternalId::B));
    }
}

/// The steps of a row without its customer: by the sweep, or by a failover of the database.
fn add_sweeper_actions(state: &State, attempt: Attempt, row: Row, actions: &mut Vec<Action>) {
    let at_work = || state.workers().filter(|worker| worker.attempt == attempt);
    if matches!(row, Row::Pending { .. }) && state.left.failovers > 0 && at_work().next().is_some() {
        actions.push(Action::Failover(attempt));
    }
    let mut workers = at_work();
    match row {
        Row::Pending { call, lapsed: false } => {
            if !workers.any(|worker| worker.call == call) {
                actions.push(Action::LeaseEnds(attempt));
            } else if state.left.pauses > 0 {
                actions.push(Action::Pause(attempt));
            }
        }
        Row::Pending { lapsed: true, .. } | Row::InDoubt { .. } => actions.push(Action::Recover(attempt)),
        Row::Releasing | Row::Cancelling => {
            if !workers.any(|worker| worker.task == Task::Deliver) {
                actions.push(Action::Deliver(attempt));
            }
        }
        Row::Held | Row::Released | Row::Rejected => {}
    }
}

//! The effect of each step.

use super::action::{Action, Failure};
use super::network::{Answer, Progress, Task, Worker};
use super::possible::Model;
use super::row::Row;
use super::safeguards::Safeguard;
use super::scenario::{Attempt, ExternalId};
use super::sigan::Hold;
use super::state::{Audit, State};

impl Model {
    /// The state after a step that was possible.
    pub(super) fn after(&self, state: &State, action: Action) -> State {
        let mut state = state.clone();
        match action {
            Action::Begin(attempt) => self.begin(&mut state, attempt),
            Action::Repeat(attempt) => self.take_up(&mut state, attempt, Task::Reserve),
            Action::Recover(attempt) => self.take_up(&mut state, attempt, Task::AskHolder),
            Action::GiveBack(attempt) => {
                self.update(&mut state, attempt, Row::give_back);
            }
            Action::Offer(id) => state.sigan.set(id, Hold::PreReserved),
            Action::Drop(id) => state.sigan.set(id, Hold::Over),
            Action::Deliver(attempt) => state.start(Worker::new(attempt, 0, Task::Deliver)),
            Action::LeaseEnds(attempt) => self.end_lease(&mut state, attempt),
            Action::Pause(attempt) => {
                state.left.pauses -= 1;
                self.end_lease(&mut state, attempt);
            }
            Action::Failover(attempt) => {
                state.left.failovers -= 1;
                state.lose(attempt);
            }
            Action::Send(worker) => advance(&mut state, worker, Progress::Sent),
            Action::Execute(worker) => {
                let answer = state.sigan.execute(worker.request(), self.safeguards);
                advance(&mut state, worker, Progress::Answered(answer));
            }
            Action::Record(worker) => self.record(&mut state, worker),
            Action::ExecuteLate(request) => {
                state.deliver(request);
                state.sigan.execute(request, self.safeguards);
            }
            Action::AuditBegins => self.begin_audit(&mut state),
            Action::AuditEnds => self.end_audit(&mut state),
            Action::Network(worker, failure) => fail(&mut state, worker, failure),
            Action::Kill(worker) => kill(&mut state, worker),
        }
        state
    }

    fn begin(&self, state: &mut State, attempt: Attempt) {
        if self.safeguards.has(Safeguard::IntentRow) {
            state.write(attempt, Row::BEGUN, self.safeguards);
        }
        state.start(Worker::new(attempt, 1, Task::Reserve));
    }

    fn take_up(&self, state: &mut State, attempt: Attempt, task: Task) {
        self.update(state, attempt, Row::take_up);
        if let Some(Row::Pending { call, .. }) = state.row(attempt) {
            state.start(Worker::new(attempt, call, task));
        }
    }

    fn end_lease(&self, state: &mut State, attempt: Attempt) {
        if let Some(Row::Pending { call, .. }) = state.row(attempt) {
            state.write(attempt, Row::Pending { call, lapsed: true }, self.safeguards);
        }
    }

    /// Runs one guarded statement, and returns whether it changed the row.
    fn update(
        &self,
        state: &mut State,
        attempt: Attempt,
        statement: impl FnOnce(Row) -> Option<Row>,
    ) -> bool {
        // Without a row before the call, the worker with an answer writes the first row.
        let row =
            state.row(attempt).or_else(|| (!self.safeguards.has(Safeguard::IntentRow)).then_some(Row::BEGUN));
        row.and_then(statement).is_some_and(|row| state.write(attempt, row, self.safeguards))
    }

    /// Takes a worker's last step. The answer to its customer follows from the result of the statement.
    fn record(&self, state: &mut State, worker: Worker) {
        let Progress::Answered(answer) = worker.progress else { return };
        state.stop(worker);
        let (attempt, call, safeguards) = (worker.attempt, worker.call, self.safeguards);
        if state.row(attempt).is_none() && safeguards.has(Safeguard::IntentRow) {
            return self.record_without_row(state, worker, answer);
        }
        match (worker.task, answer) {
            (_, Answer::Granted | Answer::Ours) => {
                self.update(state, attempt, |row| row.confirm(safeguards));
            }
            // No earlier call can have had an effect, and no copy of this one ever will have.
            (Task::Reserve, Answer::Refused | Answer::NotSent) if call == 1 => {
                self.update(state, attempt, |row| row.reject(call, safeguards));
            }
            (Task::Reserve, Answer::RefusedForNow)
                if call == 1 && !safeguards.has(Safeguard::CancelAfterRefusal) =>
            {
                self.update(state, attempt, |row| row.reject(call, safeguards));
            }
            (Task::Reserve, Answer::Forbidden) if !safeguards.has(Safeguard::CredentialsAreDoubt) => {
                self.believe_refused_credentials(state, worker);
            }
            (Task::Reserve, Answer::Refused | Answer::RefusedForNow) | (Task::AskHolder, Answer::NotOurs) => {
                self.give_up(state, worker);
            }
            (Task::CancelFirst, Answer::Over) => {
                self.update(state, attempt, |row| row.reject(call, safeguards));
            }
            (Task::Deliver, Answer::Over) => {
                self.update(state, attempt, Row::record_delivery);
            }
            // The row does not change and stays due.
            (Task::Deliver, _) => {}
            (Task::Reserve | Task::AskHolder | Task::CancelFirst, _) => {
                self.update(state, attempt, |row| row.doubt(call, safeguards));
            }
        }
    }

    /// A failover lost the row. Nobody will claim the number with it, so a hold that Sigan may have for it is released. If another
    /// attempt of its preview has replaced the row, that attempt settles the hold, and counts this call before its own.
    fn record_without_row(&self, state: &mut State, worker: Worker, answer: Answer) {
        let release = match (worker.task, answer) {
            _ if !self.safeguards.has(Safeguard::LostRowIsReleased) => return,
            (Task::Reserve, Answer::Refused | Answer::NotSent) if worker.call == 1 => return,
            (_, Answer::Granted | Answer::Ours) => Row::Releasing,
            _ => Row::Cancelling,
        };
        if !state.write(worker.attempt, release, self.safeguards)
            && self.safeguards.has(Safeguard::ReplacementIsTold)
        {
            self.update(state, Attempt::Again, Row::count_unknown_call);
        }
    }

    fn believe_refused_credentials(&self, state: &mut State, worker: Worker) {
        if worker.call == 1 {
            self.update(state, worker.attempt, |row| row.reject(worker.call, self.safeguards));
        } else {
            self.give_up(state, worker);
        }
    }

    /// Gives an attempt up although a request of one of its calls may still be on its way to Sigan. After the cancel was executed,
    /// that request is refused; until then, nobody may answer the customer with yes. So the decision is committed here, and the
    /// worker that finds it due sends the cancel.
    fn give_up(&self, state: &mut State, worker: Worker) {
        let Worker { attempt, call, .. } = worker;
        if !self.safeguards.has(Safeguard::CancelBeforeRejecting) {
            self.update(state, attempt, |row| row.reject(call, self.safeguards));
        } else if !self.safeguards.has(Safeguard::CommitBeforeCancel) {
            state.start(Worker::new(attempt, call, Task::CancelFirst));
        } else {
            self.update(state, attempt, |row| row.give_up(call, self.safeguards));
        }
    }

    fn begin_audit(&self, state: &mut State) {
        state.left.audits = state.left.audits.saturating_sub(1);
        state.audit = Some(if self.safeguards.has(Safeguard::AuditListsFirst) {
            Audit::Listed(state.sigan.reserved())
        } else {
            let [spares_a, spares_b] = [ExternalId::A, ExternalId::B].map(|id| state.audit_spares(id));
            Audit::Read { spares_a, spares_b }
        });
    }

    /// Releases a hold that Sigan listed and that has no row here. Gives up a row that is held here and was not listed.
    fn end_audit(&self, state: &mut State) {
        let Some(audit) = state.audit.take() else { return };
        let stray = match audit {
            Audit::Listed(listed) => listed.filter(|&id| !state.audit_spares(id)),
            Audit::Read { spares_a, spares_b } => state.sigan.reserved().filter(|id| match id {
                ExternalId::A => !spares_a,
                ExternalId::B => !spares_b,
            }),
        };
        if let Some(id) = stray {
            state.write(Attempt::release_of(id), Row::Releasing, self.safeguards);
        }
        if let Audit::Listed(listed) = audit {
            self.give_up_lost(state, listed);
        }
    }

    /// Gives up a lost hold. A list cannot show that a hold is gone, because the hold may be newer than the list. Sigan can, if it is
    /// asked after the row was read as HELD: a hold that existed and does not exist now never comes back.
    fn give_up_lost(&self, state: &mut State, listed: Option<ExternalId>) {
        let held: Vec<Attempt> =
            state.rows().filter(|(_, row)| *row == Row::Held).map(|(attempt, _)| attempt).collect();
        for attempt in held {
            let id = attempt.external_id();
            let is_there =
                self.safeguards.has(Safeguard::AuditAsksAgain) && state.sigan.hold(id) == Hold::Reserved;
            if listed != Some(id) && !is_there {
                self.update(state, attempt, Row::give_back);
            }
        }
    }
}

fn advance(state: &mut State, worker: Worker, progress: Progress) {
    state.stop(worker);
    state.start(worker.at(progress));
}

fn fail(state: &mut State, worker: Worker, failure: Failure) {
    let left = &mut state.left;
    let budget = if failure == Failure::Forbid { &mut left.credentials } else { &mut left.network };
    *budget -= 1;
    match failure {
        Failure::Unreachable => advance(state, worker, Progress::Answered(Answer::NotSent)),
        Failure::LoseRequest | Failure::LoseAnswer => {
            advance(state, worker, Progress::Answered(Answer::Missing));
        }
        Failure::Delay => {
            state.delay(worker.request());
            advance(state, worker, Progress::Answered(Answer::Missing));
        }
        Failure::Double => state.delay(worker.request()),
        Failure::RefuseForNow => advance(state, worker, Progress::Answered(Answer::RefusedForNow)),
        Failure::Forbid => advance(state, worker, Progress::Answered(Answer::Forbidden)),
    }
}

/// Removes a worker. The request that it sent still arrives.
fn kill(state: &mut State, worker: Worker) {
    state.left.kills -= 1;
    state.stop(worker);
    if worker.progress == Progress::Sent && worker.task != Task::AskHolder {
        state.delay(worker.request());
    }
}

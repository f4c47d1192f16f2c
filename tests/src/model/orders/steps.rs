//! The effect of each step.

use oss_core::{AttemptEvent as Event, AttemptState};

use super::action::{Action, Failure};
use super::order::Order;
use super::possible::Model;
use super::safeguards::Safeguard;
use super::scenario::{Number, Sim};
use super::state::State;
use super::worker::{Answer, Progress, Task, Worker};

impl Model {
    /// The state after a step that was possible.
    pub(super) fn after(&self, state: &State, action: Action) -> State {
        let mut state = state.clone();
        match action {
            Action::Begin(sim) => self.begin(&mut state, sim),
            Action::Repeat(sim) => take_up(&mut state, sim, Task::Order),
            Action::Recover(sim) => take_up(&mut state, sim, Task::Ask),
            Action::GiveBack(number) => change_reservation(&mut state, number, Event::Released),
            Action::EndLine(number) => self.end_line(&mut state, number),
            Action::TellSigan(number) => {
                state.release(number);
                change_reservation(&mut state, number, Event::Delivered);
            }
            Action::Deliver(sim) => state.start(Worker::new(sim, 0, Task::Deliver)),
            Action::LeaseEnds(sim) => end_lease(&mut state, sim),
            Action::Pause(sim) => {
                state.left.pauses -= 1;
                end_lease(&mut state, sim);
            }
            Action::Send(worker) => advance(&mut state, worker, Progress::Sent),
            Action::Execute(worker) => {
                let answer = self.execute(&mut state.gsim, worker.request());
                advance(&mut state, worker, Progress::Answered(answer));
            }
            Action::Accept(worker) => {
                state.left.delays -= 1;
                let answer = Self::accept(&mut state.gsim, worker.sim);
                advance(&mut state, worker, Progress::Answered(answer));
            }
            Action::MakeAccepted(sim) => state.gsim.make_accepted(sim),
            Action::Record(worker) => self.record(&mut state, worker),
            Action::ExecuteLate(request) => {
                state.deliver(request);
                self.execute(&mut state.gsim, request);
            }
            Action::Network(worker, failure) => fail(&mut state, worker, failure),
            Action::Kill(worker) => kill(&mut state, worker),
        }
        state
    }

    fn begin(&self, state: &mut State, sim: Sim) {
        if self.has(Safeguard::IntentRow) {
            state.write(sim, Order::BEGUN);
            state.number_mut(self.scenario.wish(sim).number).order = Some(sim);
        }
        state.start(Worker::new(sim, 1, Task::Order));
    }

    /// Gives back the SIM and the number of a line in one statement. The reservation waits until GSIM was told.
    fn end_line(&self, state: &mut State, number: Number) {
        change_reservation(state, number, Event::Released);
        let row = state.number_mut(number);
        let ended = row.sim.take();
        row.order = ended.filter(|_| self.has(Safeguard::SiganAfterGsim));
        if let Some(sim) = ended {
            deprogram(state, sim);
        }
    }

    /// The order that a statement of a worker finds.
    fn found(&self, state: &State, sim: Sim) -> Option<Order> {
        // Without a row before the call, the worker with an answer writes the first row.
        state.order(sim).or_else(|| (!self.has(Safeguard::IntentRow)).then_some(Order::BEGUN))
    }

    /// Takes a worker's last step. The answer to its customer follows from the result of the statement.
    fn record(&self, state: &mut State, worker: Worker) {
        let Progress::Answered(answer) = worker.progress else { return };
        state.stop(worker);
        match (worker.task, answer) {
            (_, Answer::Issued) => self.issue(state, worker.sim),
            // A cancelled order never comes back.
            (Task::Order, Answer::Cancelled) | (Task::CancelFirst, Answer::Over) => {
                self.deny(state, worker, Event::Refused);
            }
            (Task::Order, Answer::Refused) if !self.has(Safeguard::CancelAfterRefusal) => {
                if self.is_certain(worker) {
                    self.deny(state, worker, Event::Refused);
                } else {
                    self.give_up(state, worker);
                }
            }
            // No earlier call can have had an effect.
            (Task::Order, Answer::NotSent) if self.is_certain(worker) => {
                self.deny(state, worker, Event::Refused);
            }
            (Task::Order, Answer::Refused) | (Task::Ask, Answer::Unknown) => self.give_up(state, worker),
            (Task::Order | Task::Ask, Answer::Accepted) if !self.has(Safeguard::AcceptedIsInDoubt) => {
                self.deny(state, worker, Event::Refused);
            }
            (Task::Deliver, Answer::Over) => self.record_delivery(state, worker.sim),
            // The order does not change and stays due.
            (Task::Deliver, _) => {}
            (Task::Order | Task::Ask | Task::CancelFirst, _) => self.deny(state, worker, Event::Doubted),
        }
    }

    /// Whether no earlier call of the order can have had an effect.
    fn is_certain(&self, worker: Worker) -> bool {
        worker.call == 1 || !self.has(Safeguard::RejectOnlyFirstCall)
    }

    /// Records a SIM in one statement: the order, the SIM, the reservation, the number, and the SIM that it replaces.
    fn issue(&self, state: &mut State, sim: Sim) {
        let Some(order) = self.found(state, sim).and_then(|order| self.issued(order)) else { return };
        state.write(sim, order);
        state.set_active(sim, true);
        let wish = self.scenario.wish(sim);
        let row = state.number_mut(wish.number);
        if row.is_ours() && row.sim == wish.replaces {
            row.sim = Some(sim);
        }
        // Without a row before the call, no order waits on the reservation.
        if row.is_ours() && (row.order == Some(sim) || !self.has(Safeguard::IntentRow)) {
            row.reservation = AttemptState::Assigned;
            row.order = None;
        }
        if let Some(replaced) = wish.replaces {
            state.set_active(replaced, false);
            if self.has(Safeguard::ReplacedIsReleased) {
                deprogram(state, replaced);
            }
        }
    }

    /// Records a negative or missing outcome. What waited for a rejected order goes on.
    fn deny(&self, state: &mut State, worker: Worker, event: Event) {
        let order = self.found(state, worker.sim);
        if let Some(order) = order.and_then(|order| self.denied(order, worker.call, event)) {
            self.settle(state, worker.sim, order);
        }
    }

    /// Gives an order up although a request of one of its calls may still be on its way to GSIM. The decision is committed here, and
    /// the worker that finds it due sends the cancel.
    fn give_up(&self, state: &mut State, worker: Worker) {
        if !self.has(Safeguard::CancelBeforeRejecting) {
            self.deny(state, worker, Event::Refused);
        } else if !self.has(Safeguard::CommitBeforeCancel) {
            state.start(Worker::new(worker.sim, worker.call, Task::CancelFirst));
        } else {
            self.deny(state, worker, Event::GivenUp);
        }
    }

    fn record_delivery(&self, state: &mut State, sim: Sim) {
        if let Some(order) = state.order(sim).and_then(|order| order.after(Event::Delivered)) {
            self.settle(state, sim, order);
        }
    }

    /// Writes an order. If it is over, the reservation that waited for it goes on.
    fn settle(&self, state: &mut State, sim: Sim, order: Order) {
        state.write(sim, order);
        let row = state.number_mut(self.scenario.wish(sim).number);
        if order.state.is_over() && row.order == Some(sim) {
            row.order = None;
        }
    }
}

/// Gives the SIM of an order back to GSIM.
fn deprogram(state: &mut State, sim: Sim) {
    state.set_active(sim, false);
    let held = state.order(sim).filter(|order| order.state == AttemptState::Held);
    if let Some(order) = held.and_then(|order| order.after(Event::Released)) {
        state.write(sim, order);
    }
}

fn change_reservation(state: &mut State, number: Number, event: Event) {
    let row = state.number_mut(number);
    row.reservation = row.reservation.after(event).unwrap_or(row.reservation);
}

fn take_up(state: &mut State, sim: Sim, task: Task) {
    if let Some(order) = state.order(sim).and_then(Order::take_up) {
        state.write(sim, order);
        state.start(Worker::new(sim, order.call, task));
    }
}

fn end_lease(state: &mut State, sim: Sim) {
    if let Some(order) = state.order(sim) {
        state.write(sim, Order { lapsed: true, ..order });
    }
}

fn advance(state: &mut State, worker: Worker, progress: Progress) {
    state.stop(worker);
    state.start(worker.at(progress));
}

fn fail(state: &mut State, worker: Worker, failure: Failure) {
    state.left.network -= 1;
    match failure {
        Failure::Unreachable => advance(state, worker, Progress::Answered(Answer::NotSent)),
        Failure::Lose => advance(state, worker, Progress::Answered(Answer::Missing)),
        Failure::Delay => {
            state.delay(worker.request());
            advance(state, worker, Progress::Answered(Answer::Missing));
        }
        Failure::Double => state.delay(worker.request()),
        Failure::RefuseForNow => advance(state, worker, Progress::Answered(Answer::Refused)),
    }
}

/// Removes a worker. The request that it sent still arrives.
fn kill(state: &mut State, worker: Worker) {
    state.left.kills -= 1;
    state.stop(worker);
    if worker.progress == Progress::Sent && worker.task != Task::Ask {
        state.delay(worker.request());
    }
}

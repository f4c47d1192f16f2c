//! The situations that a scenario must reach. A test in which none of them occurred has tested nothing.

use oss_core::AttemptState;

use super::action::Action;
use super::gsim::Entry;
use super::order::Order;
use super::possible::Model;
use super::scenario::{Number, Sim};
use super::state::State;
use super::worker::{Answer, Progress, Request, Task, Worker};

/// A situation that a test must reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// An order reached GSIM after it was cancelled or deprogrammed, and was refused.
    LateOrderBarred,
    /// An order reached GSIM twice.
    OrderRepeated,
    /// A cancel reached GSIM twice.
    CancelRepeated,
    /// A cancel reached GSIM before its order.
    CancelCameFirst,
    /// A cancel reached GSIM while it made the SIM.
    AcceptedCancelled,
    /// Recovery found that GSIM still makes the SIM.
    RecoveryWaited,
    /// GSIM refused an order because the number has a SIM or the card is in use.
    RefusedByGsim,
    /// Recovery found that GSIM had made a SIM without anybody's knowledge.
    RecoveryIssued,
    /// Recovery gave an order up.
    RecoveryGaveUp,
    /// A worker recorded a SIM although another worker had taken up its order.
    OlderCallIssued,
    /// A worker got a SIM whose order had meanwhile been given up or had ended.
    IssuedTooLate,
    /// A negative answer to an older call was ignored.
    OlderDenialIgnored,
    /// An order was cancelled while its number waited, and the number is still reserved.
    NumberSurvivedCancel,
    /// A SIM was replaced, and GSIM was told of the old one.
    Replaced,
    /// A line has ended, and GSIM and Sigan were told.
    LineEnded,
    /// The card of a line that has ended is active for another number.
    CardMoved,
}

impl Sight {
    pub(super) const ALL: [Self; 16] = [
        Self::LateOrderBarred,
        Self::OrderRepeated,
        Self::CancelRepeated,
        Self::CancelCameFirst,
        Self::AcceptedCancelled,
        Self::RecoveryWaited,
        Self::RefusedByGsim,
        Self::RecoveryIssued,
        Self::RecoveryGaveUp,
        Self::OlderCallIssued,
        Self::IssuedTooLate,
        Self::OlderDenialIgnored,
        Self::NumberSurvivedCancel,
        Self::Replaced,
        Self::LineEnded,
        Self::CardMoved,
    ];

    /// Whether a step reaches this situation.
    pub(super) fn is_shown_by(self, model: &Model, before: &State, action: Action, after: &State) -> bool {
        let executes = |request: fn(Sim) -> Request, entry: fn(Entry) -> bool| {
            executed(action).is_some_and(|it| it == request(it.sim()) && entry(before.gsim.entry(it.sim())))
        };
        let record = Recorded::of(before, action, after);
        match self {
            Self::LateOrderBarred => executes(Request::Order, |entry| entry == Entry::Barred),
            Self::OrderRepeated => executes(Request::Order, |entry| matches!(entry, Entry::Made { .. })),
            Self::CancelRepeated => executes(Request::Cancel, |entry| entry == Entry::Barred),
            Self::CancelCameFirst => executes(Request::Cancel, |entry| entry == Entry::Unknown),
            Self::AcceptedCancelled => executes(Request::Cancel, |entry| entry == Entry::Accepted),
            Self::RecoveryWaited => record.is_some_and(|it| {
                it.worker.task == Task::Ask
                    && it.answer == Answer::Accepted
                    && it.reached(AttemptState::InDoubt)
            }),
            Self::RefusedByGsim => {
                executes(Request::Order, |entry| entry == Entry::Unknown) && before.gsim == after.gsim
            }
            Self::RecoveryIssued => {
                record.is_some_and(|it| it.worker.task == Task::Ask && it.reached(AttemptState::Held))
            }
            Self::RecoveryGaveUp => {
                record.is_some_and(|it| it.worker.task == Task::Ask && it.reached(AttemptState::Cancelling))
            }
            Self::OlderCallIssued => {
                record.is_some_and(|it| it.reached(AttemptState::Held) && it.before.call > it.worker.call)
            }
            Self::IssuedTooLate => record.is_some_and(|it| {
                it.answer == Answer::Issued && !it.before.state.is_live() && it.before == it.after
            }),
            Self::OlderDenialIgnored => record.is_some_and(|it| {
                let denied = matches!(
                    it.answer,
                    Answer::Refused | Answer::Cancelled | Answer::Unknown | Answer::NotSent
                );
                it.worker.task != Task::Deliver && denied && it.before.is_open() && it.before == it.after
            }),
            Self::NumberSurvivedCancel => record.is_some_and(|it| {
                let number = after.number(model.scenario.wish(it.worker.sim).number);
                it.before.state == AttemptState::Cancelling
                    && it.reached(AttemptState::Rejected)
                    && number.reservation == AttemptState::Held
                    && number.order.is_none()
            }),
            Self::Replaced => {
                is_over(after, Sim::A) && after.is_active(Sim::B) && after.number(Number::One).is_ours()
            }
            Self::LineEnded => {
                is_over(after, Sim::A) && after.number(Number::One).reservation == AttemptState::Released
            }
            Self::CardMoved => is_over(after, Sim::A) && after.number(Number::Two).sim == Some(Sim::B),
        }
    }
}

/// Whether a SIM was issued, and GSIM was told of its end.
fn is_over(state: &State, sim: Sim) -> bool {
    state.order(sim).is_some_and(|order| order.state == AttemptState::Released)
}

/// The request that GSIM executes in a step.
fn executed(action: Action) -> Option<Request> {
    match action {
        Action::Execute(worker) => Some(worker.request()),
        Action::ExecuteLate(request) => Some(request),
        _ => None,
    }
}

/// A worker's last step, and its effect on the order.
#[derive(Debug, Clone, Copy)]
struct Recorded {
    worker: Worker,
    answer: Answer,
    before: Order,
    after: Order,
}

impl Recorded {
    fn of(before: &State, action: Action, after: &State) -> Option<Self> {
        let Action::Record(worker) = action else { return None };
        let Progress::Answered(answer) = worker.progress else { return None };
        let (before, after) = (before.order(worker.sim)?, after.order(worker.sim)?);
        Some(Self { worker, answer, before, after })
    }

    fn reached(self, state: AttemptState) -> bool {
        self.before.state != state && self.after.state == state
    }
}

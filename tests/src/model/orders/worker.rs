//! Workers, and the requests and answers between them and GSIM.

use std::fmt;

use super::scenario::Sim;

/// A request to GSIM. Every request names its reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Request {
    Order(Sim),
    Ask(Sim),
    /// Cancels an order, or deprograms its SIM.
    Cancel(Sim),
}

/// The answer that a worker got to its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Answer {
    /// The SIM is made.
    Issued,
    /// To an order or a question: the SIM is made later.
    Accepted,
    /// To an order: not now. No profiles are left, the number has a SIM, or the card is in use.
    Refused,
    /// To an order: never, because it was cancelled.
    Cancelled,
    /// To a question: there is no such order.
    Unknown,
    /// To a cancel: the order is over.
    Over,
    /// No connection could be opened, so this request certainly had no effect.
    NotSent,
    /// No answer came in time.
    Missing,
}

/// The task of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Task {
    /// To order the SIM, for the customer who waits.
    Order,
    /// To find out the outcome of an order: recovery.
    Ask,
    /// To tell GSIM of the cancellation or the end of a SIM that the order already has.
    Deliver,
    /// To cancel an order, and to record that afterwards. Only if [`Safeguard::CommitBeforeCancel`] is left out.
    ///
    /// [`Safeguard::CommitBeforeCancel`]: super::safeguards::Safeguard::CommitBeforeCancel
    CancelFirst,
}

/// The progress of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Progress {
    ToSend,
    Sent,
    Answered(Answer),
}

/// A process that works on an order: a call to our API, or a sweeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Worker {
    pub(super) sim: Sim,
    /// The call number of the order when this worker took it. It is 0 for a delivery, which needs no number.
    pub(super) call: u8,
    pub(super) task: Task,
    pub(super) progress: Progress,
}

impl Worker {
    pub(super) const fn new(sim: Sim, call: u8, task: Task) -> Self {
        Self { sim, call, task, progress: Progress::ToSend }
    }

    pub(super) const fn at(self, progress: Progress) -> Self {
        Self { progress, ..self }
    }

    pub(super) const fn request(self) -> Request {
        match self.task {
            Task::Order => Request::Order(self.sim),
            Task::Ask => Request::Ask(self.sim),
            Task::Deliver | Task::CancelFirst => Request::Cancel(self.sim),
        }
    }
}

impl Request {
    pub(super) const fn sim(self) -> Sim {
        match self {
            Self::Order(sim) | Self::Ask(sim) | Self::Cancel(sim) => sim,
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(sim) => write!(f, "order {sim}"),
            Self::Ask(sim) => write!(f, "ask for {sim}"),
            Self::Cancel(sim) => write!(f, "cancel {sim}"),
        }
    }
}

impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.task {
            Task::Order | Task::Ask | Task::CancelFirst => {
                write!(f, "worker ({}, call {})", self.request(), self.call)
            }
            Task::Deliver => write!(f, "worker ({})", self.request()),
        }
    }
}

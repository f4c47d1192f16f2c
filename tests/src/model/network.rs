//! Workers, and the requests and answers between them and Sigan.

use std::fmt;

use super::scenario::{Attempt, ExternalId};

/// A request to Sigan. Every request names its external id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Request {
    Reserve(ExternalId),
    /// Asks who holds the number.
    Holder(ExternalId),
    /// Ends a hold, reserved or only pre-reserved. A release and a cancel are the same to Sigan.
    Release(ExternalId),
}

/// The answer that a worker got to its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Answer {
    /// To a reserve: the number is reserved under this id.
    Granted,
    /// To a reserve: never, because the hold is over.
    Refused,
    /// To a reserve: not now.
    RefusedForNow,
    /// To a reserve: our credentials are not accepted. It does not name the hold.
    Forbidden,
    /// To the question who holds it: reserved under this id.
    Ours,
    /// To the question who holds it: not reserved under this id.
    NotOurs,
    /// To a release: the hold is over.
    Over,
    /// No connection could be opened, so this request certainly had no effect.
    NotSent,
    /// No answer came in time.
    Missing,
}

/// The task of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Task {
    /// To reserve, for the customer who waits.
    Reserve,
    /// To find out the outcome of an attempt: recovery.
    AskHolder,
    /// To deliver the release or the cancellation that the row already has.
    Deliver,
    /// To cancel a hold, and to record that afterwards. Only if [`Safeguard::CommitBeforeCancel`] is left out.
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

/// A process that works on a row: a call to our API, or a sweeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Worker {
    pub(super) attempt: Attempt,
    /// The call number of the row when this worker took it. It is 0 for a delivery, which needs no number.
    pub(super) call: u8,
    pub(super) task: Task,
    pub(super) progress: Progress,
}

impl Worker {
    pub(super) const fn new(attempt: Attempt, call: u8, task: Task) -> Self {
        Self { attempt, call, task, progress: Progress::ToSend }
    }

    pub(super) const fn at(self, progress: Progress) -> Self {
        Self { progress, ..self }
    }

    pub(super) const fn request(self) -> Request {
        let id = self.attempt.external_id();
        match self.task {
            Task::Reserve => Request::Reserve(id),
            Task::AskHolder => Request::Holder(id),
            Task::Deliver | Task::CancelFirst => Request::Release(id),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserve(id) => write!(f, "reserve {id}"),
            Self::Holder(id) => write!(f, "who holds {id}"),
            Self::Release(id) => write!(f, "release {id}"),
        }
    }
}

impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker of {} ({}", self.attempt, self.request())?;
        match self.task {
            Task::Reserve | Task::AskHolder | Task::CancelFirst => write!(f, ", call {})", self.call),
            Task::Deliver => f.write_str(")"),
        }
    }
}

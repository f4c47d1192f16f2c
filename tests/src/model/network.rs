//! Workers, and what travels between them and Sigan.

use std::fmt;

use super::scenario::{Attempt, ExternalId};

/// What Sigan is asked. Every request names the external id it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Request {
    Reserve(ExternalId),
    /// Who holds the number?
    Holder(ExternalId),
    /// Ends a hold, be it reserved or merely pre-reserved: a release and a cancel are the same to Sigan.
    Release(ExternalId),
}

/// What a worker knows of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Answer {
    /// To a reserve: the number is reserved under this id.
    Granted,
    /// To a reserve: never, because the hold is over.
    Refused,
    /// To a reserve: not now.
    RefusedForNow,
    /// To a reserve: our credentials are not accepted. Says nothing of the hold.
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

/// What a worker is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Task {
    /// To reserve, for the customer who waits.
    Reserve,
    /// To find out what became of an attempt: recovery.
    AskHolder,
    /// To tell Sigan that a hold is over, as the row already says: it was released or cancelled.
    Tell,
    /// To cancel a hold, and to write that down afterwards. Only where [`Mend::CommitBeforeCancel`] is left out.
    ///
    /// [`Mend::CommitBeforeCancel`]: super::mends::Mend::CommitBeforeCancel
    CancelFirst,
}

/// How far a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Progress {
    ToSend,
    Sent,
    Answered(Answer),
}

/// Somebody at work on a row: the task of a call to our API, or a sweeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Worker {
    pub(super) attempt: Attempt,
    /// The call number that the row had when this worker took it. None is 0: a worker that tells needs no number.
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
            Task::Tell | Task::CancelFirst => Request::Release(id),
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
            Task::Tell => f.write_str(")"),
        }
    }
}

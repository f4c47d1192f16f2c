//! What can happen.

use std::fmt;

use super::network::{Progress, Request, Worker};
use super::scenario::{Attempt, ExternalId};

/// One step, of somebody or something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// A customer asks for the number.
    Begin(Attempt),
    /// A customer who was told that the outcome is unknown asks again.
    Repeat(Attempt),
    /// A customer gives the number back.
    GiveBack(Attempt),
    /// Sigan offers the free number to another customer.
    Offer(ExternalId),
    /// Sigan drops a pre-reservation.
    Drop(ExternalId),

    /// The sweeper takes up a row whose outcome is unknown.
    Recover(Attempt),
    /// The sweeper takes a row that Sigan is to be told of.
    Deliver(Attempt),
    /// The lease of a row runs out that nobody works on any more.
    LeaseEnds(Attempt),
    Send(Worker),
    /// Sigan does what a worker asked, and answers.
    Execute(Worker),
    /// A worker records what it was answered, in one statement.
    Record(Worker),
    /// Sigan does what was asked long ago.
    ExecuteLate(Request),
    /// The audit does the first half of its comparison.
    AuditBegins,
    /// The audit does the second half: it writes a release of what nobody here knows, and gives up what Sigan does not hold.
    AuditEnds,

    /// The network fails a worker in some way.
    Network(Worker, Failure),
    /// A worker is killed.
    Kill(Worker),
    /// The lease of a row runs out while its worker pauses.
    Pause(Attempt),
    /// The database fails over, and the row of an attempt under way is lost.
    Failover(Attempt),
}

/// What the network may do to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The connection is not opened, and the worker knows it.
    Unreachable,
    /// The request never arrives.
    LoseRequest,
    /// The answer never arrives.
    LoseAnswer,
    /// The request arrives after the worker has stopped waiting.
    Delay,
    /// The request arrives, and some time again.
    Double,
    /// Sigan refuses what it may grant later.
    RefuseForNow,
    /// Our credentials are refused, without a word on the hold.
    Forbid,
}

impl Action {
    /// Whether this is bound to happen some time: no customer has to wish it, nothing has to go wrong, and it is not a matter of
    /// chance. Where no such action is left, all is at rest.
    pub(super) const fn is_due(self) -> bool {
        let of_a_customer = matches!(self, Self::Begin(_) | Self::Repeat(_) | Self::GiveBack(_));
        let of_sigan_itself = matches!(self, Self::Offer(_) | Self::Drop(_));
        let fault = matches!(self, Self::Network(..) | Self::Kill(_) | Self::Pause(_) | Self::Failover(_));
        !of_a_customer && !of_sigan_itself && !fault
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin(attempt) => write!(f, "the customer of {attempt} asks for the number"),
            Self::Repeat(attempt) => write!(f, "the customer of {attempt} asks again"),
            Self::GiveBack(attempt) => write!(f, "the customer of {attempt} gives the number back"),
            Self::Offer(id) => write!(f, "Sigan offers the number under {id}"),
            Self::Drop(id) => write!(f, "Sigan drops pre-reservation {id}"),
            Self::Recover(attempt) => write!(f, "the sweeper takes up {attempt}"),
            Self::Deliver(attempt) => write!(f, "the sweeper sets out to tell Sigan of {attempt}"),
            Self::LeaseEnds(attempt) => write!(f, "the lease of {attempt} runs out, nobody is at work on it"),
            Self::Send(worker) => write!(f, "{worker} sends"),
            Self::Execute(worker) => write!(f, "Sigan does what it is asked by {worker}"),
            Self::Record(worker) => match worker.progress {
                Progress::Answered(answer) => write!(f, "{worker} records: {answer:?}"),
                Progress::ToSend | Progress::Sent => write!(f, "{worker} records"),
            },
            Self::ExecuteLate(request) => write!(f, "Sigan gets a late {request}"),
            Self::AuditBegins => f.write_str("the audit does its first half"),
            Self::AuditEnds => f.write_str("the audit does its second half"),
            Self::Network(worker, failure) => write!(f, "fault, {failure:?}: {worker}"),
            Self::Kill(worker) => write!(f, "fault, killed: {worker}"),
            Self::Pause(attempt) => {
                write!(f, "fault, the lease of {attempt} runs out while its worker pauses")
            }
            Self::Failover(attempt) => write!(f, "fault, a failover loses the row of {attempt}"),
        }
    }
}

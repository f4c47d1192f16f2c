//! The steps that can happen.

use std::fmt;

use super::network::{Progress, Request, Worker};
use super::scenario::{Attempt, ExternalId};

/// One step of a customer, a worker, Sigan, the network or the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// A customer asks for the number.
    Begin(Attempt),
    /// A customer who got no certain answer asks again.
    Repeat(Attempt),
    /// A customer gives the number back.
    GiveBack(Attempt),
    /// Sigan offers the free number to another customer.
    Offer(ExternalId),
    /// Sigan drops a pre-reservation.
    Drop(ExternalId),

    /// The sweeper takes up a row whose outcome is unknown.
    Recover(Attempt),
    /// The sweeper takes up a row with a pending delivery.
    Deliver(Attempt),
    /// The lease of a row that nobody works on any more runs out.
    LeaseEnds(Attempt),
    Send(Worker),
    /// Sigan executes a worker's request, and answers.
    Execute(Worker),
    /// A worker records its answer, in one statement.
    Record(Worker),
    /// Sigan executes a delayed request.
    ExecuteLate(Request),
    /// The audit does the first half of its comparison.
    AuditBegins,
    /// The audit does the second half: it writes a release of each hold without a row, and gives up rows that Sigan does not hold.
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

/// The ways in which the network may fail a request.
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
    /// The request arrives, and arrives again later.
    Double,
    /// Sigan refuses the request for now, but may grant a copy of it later.
    RefuseForNow,
    /// Our credentials are refused, and the answer does not name the hold.
    Forbid,
}

impl Action {
    /// Whether this certainly happens some time: it needs no wish of a customer, no fault and no chance. If no such action is left,
    /// everything is at rest.
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
            Self::Deliver(attempt) => write!(f, "the sweeper takes up the delivery of {attempt}"),
            Self::LeaseEnds(attempt) => write!(f, "the lease of {attempt} runs out, and nobody works on it"),
            Self::Send(worker) => write!(f, "{worker} sends"),
            Self::Execute(worker) => write!(f, "Sigan executes the request of {worker}"),
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

//! The steps that can happen.

use std::fmt;

use super::scenario::{Number, Sim};
use super::worker::{Progress, Request, Worker};

/// One step of a customer, a worker, GSIM, the network or the sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// A customer orders the SIM.
    Begin(Sim),
    /// A customer who got no certain answer orders again.
    Repeat(Sim),
    /// A customer gives a reserved number back.
    GiveBack(Number),
    /// A customer ends the line of a number.
    EndLine(Number),

    /// The sweeper takes up an order whose outcome is unknown.
    Recover(Sim),
    /// The sweeper takes up a SIM of which GSIM is to be told.
    Deliver(Sim),
    /// The sweeper tells Sigan that a number is given back.
    TellSigan(Number),
    /// The lease of an order that nobody works on any more runs out.
    LeaseEnds(Sim),
    Send(Worker),
    /// GSIM executes a worker's request, and answers.
    Execute(Worker),
    /// GSIM answers a worker's request: it makes the SIM later.
    Accept(Worker),
    /// GSIM makes the SIM of an order that it has accepted.
    MakeAccepted(Sim),
    /// A worker records its answer, in one statement.
    Record(Worker),
    /// GSIM executes a delayed request.
    ExecuteLate(Request),

    /// The network fails a worker in some way.
    Network(Worker, Failure),
    /// A worker is killed.
    Kill(Worker),
    /// The lease of an order runs out while its worker pauses.
    Pause(Sim),
}

/// The ways in which the network may fail a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The connection is not opened, and the worker knows it.
    Unreachable,
    /// The request or its answer never arrives.
    Lose,
    /// The request arrives after the worker has stopped waiting.
    Delay,
    /// The request arrives, and arrives again later.
    Double,
    /// GSIM refuses the request for now, but may grant a copy of it later.
    RefuseForNow,
}

impl Action {
    /// Whether this certainly happens some time: it needs no wish of a customer, no fault and no delay.
    pub(super) const fn is_due(self) -> bool {
        let of_a_customer =
            matches!(self, Self::Begin(_) | Self::Repeat(_) | Self::GiveBack(_) | Self::EndLine(_));
        let fault = matches!(self, Self::Network(..) | Self::Kill(_) | Self::Pause(_));
        let delay = matches!(self, Self::Accept(_));
        !of_a_customer && !fault && !delay
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin(sim) => write!(f, "a customer orders {sim}"),
            Self::Repeat(sim) => write!(f, "the customer of {sim} orders again"),
            Self::GiveBack(number) => write!(f, "the customer of {number:?} gives it back"),
            Self::EndLine(number) => write!(f, "the customer of {number:?} ends the line"),
            Self::Recover(sim) => write!(f, "the sweeper takes up {sim}"),
            Self::Deliver(sim) => write!(f, "the sweeper takes up the delivery of {sim}"),
            Self::TellSigan(number) => write!(f, "Sigan is told that {number:?} is given back"),
            Self::LeaseEnds(sim) => write!(f, "the lease of {sim} runs out, and nobody works on it"),
            Self::Send(worker) => write!(f, "{worker} sends"),
            Self::Execute(worker) => write!(f, "GSIM executes the request of {worker}"),
            Self::Accept(worker) => write!(f, "GSIM accepts the request of {worker}"),
            Self::MakeAccepted(sim) => write!(f, "GSIM makes {sim}, which it has accepted"),
            Self::Record(worker) => match worker.progress {
                Progress::Answered(answer) => write!(f, "{worker} records: {answer:?}"),
                Progress::ToSend | Progress::Sent => write!(f, "{worker} records"),
            },
            Self::ExecuteLate(request) => write!(f, "GSIM gets a late {request}"),
            Self::Network(worker, failure) => write!(f, "fault, {failure:?}: {worker}"),
            Self::Kill(worker) => write!(f, "fault, killed: {worker}"),
            Self::Pause(sim) => write!(f, "fault, the lease of {sim} runs out while its worker pauses"),
        }
    }
}

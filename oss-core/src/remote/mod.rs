//! The parts that the ports of Sigan and GSIM share: the outcome of a call, the meaning of an answer, the gate before a system, and
//! the servers of their mocks.

mod classify;
mod gate;
#[cfg(feature = "mock")]
pub(crate) mod mock;
mod outcome;
mod record;

pub(crate) use self::classify::{Answers, TypedRefusal, classify, rising};
pub(crate) use self::gate::{
    Busy, Gate, GateLimits, GateUsage, GatedSystem, Lane, RETRY_WHEN_BUSY, RefusalReason, Turn,
};
#[cfg(test)]
pub(crate) use self::gate::{DELIVERY_WAIT, FAILURES, OPEN, QUEUE, UPKEEP, Verdict};
pub use self::outcome::{CallError, Doubt};
pub(crate) use self::record::{EndedCall, RecordCall};

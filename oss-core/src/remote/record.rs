//! The record of a call, which a gate hands over as soon as the call has ended.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::{CallSubject, Origin};

/// A call that has ended.
#[derive(Debug, Clone)]
pub(crate) struct EndedCall {
    /// The system, as metrics name it.
    pub(crate) system: &'static str,
    /// Its name.
    pub(crate) call: &'static str,
    /// The hold or the order that it was about.
    pub(crate) subject: CallSubject,
    /// The time at which it was sent.
    pub(crate) sent: Instant,
    /// The time until it was answered or given up.
    pub(crate) duration: Duration,
    /// `ok`, or the code of the error.
    pub(crate) outcome: &'static str,
    /// The cause, if it is known.
    pub(crate) origin: Option<Origin>,
}

/// Takes the records of calls.
pub(crate) trait RecordCall: Send + Sync + fmt::Debug {
    /// Takes a record. A caller is waiting for the answer of the call, so this waits for nothing.
    fn record(&self, call: EndedCall);
}

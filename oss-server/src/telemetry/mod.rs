//! The metrics of this process, and its part of every trace.

mod collector;
mod metrics;
mod requests;
mod traces;

pub use self::metrics::Metrics;
pub(crate) use self::requests::Requests;
pub(crate) use self::traces::{Trace, Traces, record_status};

//! What this process tells of itself: its metrics, and its part of every trace.

mod collector;
mod metrics;
mod traces;

pub use self::metrics::Metrics;
pub(crate) use self::traces::{Traces, answered, joined};

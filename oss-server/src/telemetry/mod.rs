//! What this process tells of itself: its metrics, and its part of every trace.

mod metrics;

pub use self::metrics::Metrics;

//! The service over HTTP.
//!
//! Translates requests into calls of the library, and answers into JSON and problems (RFC 9457). No rule about numbers lives
//! here: a handler with a decision about numbers belongs in the core.

mod body;
mod etag;
mod key;
mod middleware;
mod path;
mod problem;
mod routes;
mod start;
mod telemetry;

pub use routes::{Health, router};
pub use start::{Args, Failure, run};
pub use telemetry::Metrics;

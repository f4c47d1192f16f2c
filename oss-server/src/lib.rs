//! The service over HTTP.
//!
//! Translates requests into calls of the library, and answers into JSON and problems (RFC 9457). No rule about numbers lives
//! here: a handler with a decision about numbers belongs in the core.

mod access;
mod body;
mod etag;
mod key;
mod limits;
mod middleware;
mod openapi;
mod path;
mod problem;
mod request_id;
mod routes;
mod serve;
mod start;
mod state;
mod telemetry;

pub use access::{Access, ClientLimits};
pub use routes::{Routers, routers};
pub use start::{Args, Failure, run};
pub use state::Health;
pub use telemetry::Metrics;

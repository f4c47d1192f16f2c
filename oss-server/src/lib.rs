//! The service over HTTP.
//!
//! It translates requests into calls of the library, and answers into JSON and problems (RFC 9457). It has no rule about numbers: a
//! decision about numbers belongs in the core.

mod accept;
mod access;
mod audit_stream;
mod body;
mod console;
mod etag;
mod key;
mod limits;
mod middleware;
mod openapi;
mod path;
mod problem;
mod query;
mod request_id;
mod request_span;
mod routes;
mod serve;
mod start;
mod state;
mod telemetry;

pub use access::{Access, ClientLimits};
pub use routes::{RouterOptions, Routers, routers};
pub use start::{Args, Failure, run};
pub use state::Health;
pub use telemetry::Metrics;

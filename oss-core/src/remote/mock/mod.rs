//! The parts that the mocks of Sigan and GSIM share: their faults, and two servers: wiremock for tests and the sandbox, and plain
//! axum for long runs, because wiremock keeps every request it ever matched in memory.

mod axum_face;
mod behaviour;
mod wiremock_face;

use std::time::Duration;

use axum::http::Method;
use serde::Serialize;

pub use self::axum_face::serve;
pub use self::behaviour::Behaviour;
pub(crate) use self::behaviour::{Fault, Faults};
pub use self::wiremock_face::Running;

/// A mock of an external system, independent of the HTTP library that serves it.
pub trait MockedSystem: Clone + Send + Sync + 'static {
    /// Answers a request, and changes the state accordingly.
    fn answer(&self, method: &Method, path: &str, query: &str, body: &[u8]) -> Answer;
}

/// A response of a mock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The body: JSON, or empty.
    pub body: Vec<u8>,
}

impl Response {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, body: Vec::new() }
    }

    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        // The wire types have text keys only, so they can always be written.
        Self { status, body: serde_json::to_vec(body).unwrap_or_default() }
    }

    pub(crate) fn malformed() -> Self {
        Self::json(400, &"malformed")
    }
}

/// The answer to a call, and the delay before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The bytes that the caller receives.
    pub sent: Sent,
    /// The time until it receives them.
    pub delay: Duration,
}

/// The bytes that the caller receives before the connection closes, or stays open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The whole response.
    Whole(Response),
    /// A part of a response, of which the caller can use nothing.
    Part,
    /// Not one byte.
    Nothing,
}

/// The current time of a mock.
#[expect(
    clippy::disallowed_methods,
    reason = "an external system has a clock of its own, and the mock is that system"
)]
pub(crate) fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

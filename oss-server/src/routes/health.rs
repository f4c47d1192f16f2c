//! `/health`: for load balancers and supervisors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use tokio::time::timeout;

use super::Shared;
use crate::problem::Problem;

/// The longest that readiness waits for the database.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether this server still takes new work. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Health {
    stopping: Arc<AtomicBool>,
}

impl Health {
    /// From now on the server is not ready: it finishes what it has.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether it is to be left.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// The process answers
#[utoipa::path(
    get,
    path = "/health/live",
    operation_id = "isLive",
    tag = "Operations",
    responses(
        (status = 200, description = "It does"),
    ),
)]
pub(super) async fn live() -> StatusCode {
    StatusCode::OK
}

/// The process takes new work, and the database answers
#[utoipa::path(
    get,
    path = "/health/ready",
    operation_id = "isReady",
    tag = "Operations",
    responses(
        (status = 200, description = "It does"),
        (status = 503, description = "not-ready"),
    ),
)]
pub(super) async fn ready(State(state): State<Shared>) -> Result<StatusCode, Problem> {
    let not_ready = |detail: &str| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", detail);
    if state.health.is_stopping() {
        return Err(not_ready("this server is stopping; ask another one"));
    }
    match timeout(PATIENCE, state.oss.ready()).await {
        Ok(Ok(())) => Ok(StatusCode::OK),
        Ok(Err(error)) => Err(not_ready(&error.to_string())),
        Err(_) => Err(not_ready("the database does not answer in time")),
    }
}

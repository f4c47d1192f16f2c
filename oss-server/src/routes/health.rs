//! `/health`: for load balancers and supervisors.

use axum::extract::State;
use axum::http::StatusCode;
use oss_core::Oss;

use crate::problem::{NOT_READY, Problem};
use crate::state::{Checked, Shared};

/// Check whether the process answers
///
/// For a supervisor that restarts a process that hangs. Asks neither the database nor Sigan.
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

/// Check whether the server takes new work
///
/// For load balancers. The server is ready if it is not stopping and the database answers, which is checked once a second at
/// most.
#[utoipa::path(
    get,
    path = "/health/ready",
    operation_id = "isReady",
    tag = "Operations",
    responses(
        (status = 200, description = "It does"),
    ),
    extensions(("x-problems" = json!(["not-ready"]))),
)]
pub(super) async fn ready(State(state): State<Shared>) -> Result<StatusCode, Problem> {
    let not_ready = |detail: &str| Problem::new(NOT_READY, detail);
    let stopping = || not_ready("this server is stopping; ask another one");
    if state.health.is_stopping() {
        return Err(stopping());
    }
    let checked = state.readiness.or_check(|| check(state.oss.clone())).await;
    // The server may have begun to stop while the database was slow.
    if state.health.is_stopping() {
        return Err(stopping());
    }
    checked.map(|()| StatusCode::OK).map_err(|reason| not_ready(&reason))
}

async fn check(oss: Oss) -> Checked {
    oss.ready().await.map_err(|error| error.to_string())
}

//! `/ddds`

use axum::extract::State;
use axum::http::StatusCode;
use oss_core::Ddd;

use super::AppState;
use crate::path::Params;
use crate::problem::Problem;

/// `GET /ddds/{ddd}`
pub(super) async fn exists(State(state): State<AppState>, params: Params) -> Result<StatusCode, Problem> {
    let ddd: Ddd = params.get("ddd")?;
    if state.oss.ddd_exists(ddd).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let detail = format!("DDD {ddd} is not in use in Brazil");
    Err(Problem::new(StatusCode::NOT_FOUND, "unknown-ddd", detail).of("ddd"))
}

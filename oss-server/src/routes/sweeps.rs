//! `/sweeps`

use axum::Json;
use axum::extract::State;
use oss_core::SweepReport;

use super::AppState;
use crate::problem::Problem;

/// `POST /sweeps`: for a scheduler of the operator's own, beside the server's background sweep.
pub(super) async fn sweep(State(state): State<AppState>) -> Result<Json<SweepReport>, Problem> {
    Ok(Json(state.oss.sweep().await?))
}

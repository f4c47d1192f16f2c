//! `/sweeps`

use axum::Json;
use oss_core::SweepReport;

use crate::access::Acting;
use crate::problem::Problem;

/// Run one clean-up pass
///
/// Expires abandoned numbers, resolves unknown outcomes, sends pending releases and deletes old previews. For a scheduler of the
/// operator's own, in addition to the sweep of every server. A server runs one sweep at a time: if one runs already, the answer
/// is its report. A sweep goes on even if its callers are gone.
#[utoipa::path(
    post,
    path = "/sweeps",
    operation_id = "sweep",
    tag = "Operations",
    responses(
        (status = 200, description = "What was done", body = SweepReport),
    ),
)]
pub(super) async fn sweep(Acting(oss): Acting) -> Result<Json<SweepReport>, Problem> {
    Ok(Json(oss.sweep().await?))
}

//! `/stats`

use axum::Json;
use oss_core::Statistics;

use crate::access::Acting;
use crate::problem::Problem;

/// Show the counts
///
/// How many attempts of each brand and area code are in each state, what waits for the sweep and since when, how many numbers were
/// asked for in each hour of the last day and how often none was left, how many changes of each kind there were in each hour, and the
/// latest audit of each brand. The counts are kept and not scanned, so this is cheap.
#[utoipa::path(
    get,
    path = "/stats",
    operation_id = "showStatistics",
    tag = "Operations",
    responses(
        (status = 200, description = "The counts of every brand", body = Statistics),
    ),
)]
pub(super) async fn show(Acting(oss): Acting) -> Result<Json<Statistics>, Problem> {
    Ok(Json(oss.statistics().await?))
}

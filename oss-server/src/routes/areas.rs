//! `/ddds`

use axum::http::StatusCode;
use oss_core::{Ddd, Error};

use crate::access::Acting;
use crate::path::Params;
use crate::problem::Problem;

/// Check whether a DDD exists
///
/// A DDD exists if at least one locality of Brazil has it.
#[utoipa::path(
    get,
    path = "/ddds/{ddd}",
    operation_id = "dddExists",
    tag = "Areas",
    responses(
        (status = 204, description = "It does"),
    ),
    extensions(("x-problems" = json!(["unknown-ddd"]))),
)]
pub(super) async fn exists(Acting(oss): Acting, params: Params) -> Result<StatusCode, Problem> {
    let ddd: Ddd = params.get("ddd")?;
    if oss.ddd_exists(ddd).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::in_path(&Error::UnknownDdd(ddd), "ddd"))
}

//! `/reservations/{msisdn}/settlement`

use axum::Json;
use oss_core::Settlement;

use super::releases::Called;
use crate::access::Acting;
use crate::openapi::of_sigan;
use crate::path::Params;
use crate::problem::Problem;

/// Ask Sigan now
///
/// Settles one number at once, as the sweep does when it is due: asks Sigan about an attempt in doubt, tells it of a release or a
/// cancellation, and does the same at GSIM for the orders of SIMs for the number. If nothing about the number is unsettled, asks Sigan who
/// holds it, and changes nothing. `agrees` is false if a system gave no certain answer, or if our record and Sigan's differ. The answer shows
/// the number in full, so the key needs the scope `numbers:read` too.
#[utoipa::path(
    post,
    path = "/reservations/{msisdn}/settlement",
    operation_id = "settleNumber",
    tag = "Operations",
    responses(
        (status = 200, description = "The number as it is recorded now, and Sigan's answer", body = Settlement),
    ),
    extensions(("x-problems" = json!(["unknown-number", "settlement-in-flight", of_sigan()]))),
)]
pub(super) async fn settle(
    Acting(oss): Acting,
    Called(caller): Called,
    params: Params,
) -> Result<Json<Settlement>, Problem> {
    caller.require_numbers_read()?;
    Ok(Json(oss.settle(params.get("msisdn")?).await?))
}

//! `/numbers/{msisdn}/line` and `/numbers/{msisdn}/associations`

use axum::Json;
use axum::http::StatusCode;
use oss_core::{Association, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Acting;
use crate::body::optional_text;
use crate::path::Params;
use crate::problem::Problem;
use crate::query::Query;

/// The SIMs and lines that a number was on, the latest first.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({
    "associations": [{
        "simId": "01920e4d-7a10-7b3c-9c55-1e8f4b2a6d03",
        "lineId": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "since": "2026-11-25T13:31:02Z",
    }],
})))]
pub(super) struct Associations {
    associations: Vec<Association>,
}

/// The parameters of the question.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AtTime {
    #[serde(default, deserialize_with = "optional_text")]
    at: Option<Timestamp>,
}

/// End a line
///
/// Deprograms the SIM and gives the number back: GSIM is told first and Sigan after it, both in the background. Repeating the
/// call is safe as long as the number is not on another line.
#[utoipa::path(
    delete,
    path = "/numbers/{msisdn}/line",
    operation_id = "endLine",
    tag = "SIMs",
    responses(
        (status = 204, description = "Ended, now or before"),
    ),
    extensions(("x-problems" = json!(["unknown-number", "not-on-line", "order-in-flight"]))),
)]
pub(super) async fn end(Acting(oss): Acting, params: Params) -> Result<StatusCode, Problem> {
    oss.end_line(params.get("msisdn")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the SIMs that a number was on
///
/// Each entry has the SIM, the line and the time from which the number was on them. With `at`, the list has at most one entry.
#[utoipa::path(
    get,
    path = "/numbers/{msisdn}/associations",
    operation_id = "listAssociations",
    tag = "SIMs",
    params(("at" = Option<String>, Query)),
    responses(
        (status = 200, description = "The SIMs and lines, the latest first", body = Associations),
    ),
    extensions(("x-problems" = json!(["unknown-number"]))),
)]
pub(super) async fn associations(
    Acting(oss): Acting,
    params: Params,
    Query(parameters): Query,
) -> Result<Json<Associations>, Problem> {
    let msisdn = params.get("msisdn")?;
    let AtTime { at } = parameters.read()?;
    let associations = oss.associations(msisdn, at.map(|Timestamp(time)| time)).await?;
    Ok(Json(Associations { associations }))
}

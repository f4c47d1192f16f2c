//! `/reservations` and `/numbers`

use axum::Json;
use axum::http::StatusCode;
use oss_core::{Ddd, Number, NumberHistory, Reservation, SimId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::releases::Called;
use crate::access::Acting;
use crate::body::{Body, Fields, RequestBody, text};
use crate::key::Key;
use crate::openapi::of_sigan;
use crate::path::Params;
use crate::problem::Problem;

/// The area code of which to reserve a number.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({ "areaCode": "11" })))]
pub(super) struct NewReservation {
    /// The area code.
    #[serde(deserialize_with = "text")]
    area_code: Ddd,
}

impl RequestBody for NewReservation {}

/// The SIM of the line on which to put a number.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({ "simId": "01920e4b-9d21-7f3a-b5c6-6f2d8a40e1b7" })))]
pub(super) struct Assignment {
    /// The SIM, as GSIM issued it.
    #[serde(deserialize_with = "text")]
    sim_id: SimId,
}

/// Reserve a random number
///
/// Draws one number of the area code and reserves it without a preview. Sigan takes some seconds. Send an `Idempotency-Key`:
/// without one, a call whose outcome is unknown cannot be repeated, and its number is given back automatically.
#[utoipa::path(
    post,
    path = "/reservations",
    operation_id = "reserveRandom",
    tag = "Numbers",
    params(("Idempotency-Key" = String, Header)),
    request_body = NewReservation,
    responses(
        (status = 201, description = "The number, in full", body = Reservation),
    ),
    extensions(("x-problems" = json!([
        "no-numbers-left", "idempotency-key-in-flight", "idempotency-key-spent", "reservation-given-up",
        "unknown-ddd", "idempotency-key-reused", "client-budget-exceeded", "number-taken",
        "number-unsettled", of_sigan(),
    ]))),
)]
pub(super) async fn reserve_random(
    Acting(oss): Acting,
    Key(key): Key,
    Body(NewReservation { area_code }): Body<NewReservation>,
) -> Result<(StatusCode, Json<Reservation>), Problem> {
    let reservation = oss.reserve_random(area_code).idempotency_key(key).await?;
    Ok((StatusCode::CREATED, Json(reservation)))
}

/// Release a number
///
/// Gives a reserved number back to Sigan. Repeating the call is safe as long as the number is still the caller's. A number in
/// use cannot be released.
#[utoipa::path(
    delete,
    path = "/reservations/{msisdn}",
    operation_id = "releaseNumber",
    tag = "Numbers",
    responses(
        (status = 204, description = "Given back, now or before"),
    ),
    extensions(("x-problems" = json!(["unknown-number", "number-state", "reserve-in-flight", "order-in-flight"]))),
)]
pub(super) async fn release(Acting(oss): Acting, params: Params) -> Result<StatusCode, Problem> {
    oss.release(params.get("msisdn")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hold a number for longer
///
/// Holds a reserved number for the configured time from now on, as a new reservation would, up to the longest time that the
/// operator allows after the begin of its reservation. Repeating the call is safe: it never shortens the time. The answer has
/// the time at which the hold ends now.
#[utoipa::path(
    post,
    path = "/reservations/{msisdn}/extension",
    operation_id = "extendReservation",
    tag = "Numbers",
    responses(
        (status = 200, description = "The number, and the new end of its hold", body = Reservation),
    ),
    extensions(("x-problems" = json!([
        "unknown-number", "number-state", "reserve-in-flight", "number-in-doubt", "hold-without-end",
    ]))),
)]
pub(super) async fn extend(Acting(oss): Acting, params: Params) -> Result<Json<Reservation>, Problem> {
    Ok(Json(oss.extend_reservation(params.get("msisdn")?).await?))
}

/// Put a number on a line
///
/// Records that the number is on the line of a SIM. From then on it no longer expires.
#[utoipa::path(
    put,
    path = "/reservations/{msisdn}/assignment",
    operation_id = "assignNumber",
    tag = "Numbers",
    request_body = Assignment,
    responses(
        (status = 204, description = "On the line of the SIM, now or before"),
    ),
    extensions(("x-problems" = json!([
        "unknown-number", "number-state", "number-in-doubt", "order-in-flight", "assigned-elsewhere",
        "sim-has-number", "sim-not-active", "unknown-sim",
    ]))),
)]
pub(super) async fn assign(
    Acting(oss): Acting,
    params: Params,
    fields: Fields,
) -> Result<StatusCode, Problem> {
    let msisdn = params.get("msisdn")?;
    let Assignment { sim_id } = fields.read()?;
    oss.assign(msisdn, sim_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Show a number
///
/// The answer has the status of the number, the SIM that it is on, and every hold it has had.
#[utoipa::path(
    get,
    path = "/numbers/{msisdn}",
    operation_id = "showNumber",
    tag = "Numbers",
    responses(
        (status = 200, description = "The number, and every hold it has had", body = Number),
    ),
    extensions(("x-problems" = json!(["unknown-number"]))),
)]
pub(super) async fn show(Acting(oss): Acting, params: Params) -> Result<Json<Number>, Problem> {
    Ok(Json(oss.number(params.get("msisdn")?).await?))
}

/// Show the whole story of a number
///
/// The answer has the attempts to hold the number, the SIMs that it was on, and a timeline: its events, each call to Sigan and GSIM with
/// its duration and outcome, and the reads of its activation codes. A call is in it about a second after it ended. For a client without the
/// scope `sims:read`, everything about SIMs is left out.
#[utoipa::path(
    get,
    path = "/numbers/{msisdn}/history",
    operation_id = "showNumberHistory",
    tag = "Numbers",
    responses(
        (status = 200, description = "The attempts, the SIMs and the timeline", body = NumberHistory),
    ),
    extensions(("x-problems" = json!(["unknown-number"]))),
)]
pub(super) async fn history(
    Acting(oss): Acting,
    Called(caller): Called,
    params: Params,
) -> Result<Json<NumberHistory>, Problem> {
    let history = oss.number_history(params.get("msisdn")?).await?;
    Ok(Json(if caller.sees_sims { history } else { history.without_sims() }))
}

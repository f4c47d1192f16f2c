//! `/reservations` and `/numbers`

use axum::Json;
use axum::http::StatusCode;
use oss_core::{Number, Reservation};

use crate::access::Acting;
use crate::body::Fields;
use crate::key::Key;
use crate::path::Params;
use crate::problem::Problem;

/// Reserve a random number
#[utoipa::path(
    post,
    path = "/reservations",
    operation_id = "reserveRandom",
    tag = "Numbers",
    params(("Idempotency-Key" = String, Header)),
    request_body = ref("#/components/schemas/NewReservation"),
    responses(
        (status = 201, description = "The number, in full", body = ref("#/components/schemas/Reservation")),
        (status = 409, description = "no-numbers-left, idempotency-key-in-flight, idempotency-key-spent, reservation-given-up"),
        (status = 422, description = "unknown-ddd, idempotency-key-reused"),
        (status = 429, description = "client-budget-exceeded"),
        (status = 500, description = "number-taken, number-unsettled"),
        (status = 502, description = "sigan-refused, sigan-answer-unusable"),
        (status = 503, description = "sigan-unreachable, sigan-busy, sigan-refuses-brand"),
        (status = 504, description = "outcome-unknown"),
    ),
)]
pub(super) async fn reserve_random(
    Acting(oss): Acting,
    Key(key): Key,
    mut fields: Fields,
) -> Result<(StatusCode, Json<Reservation>), Problem> {
    let ddd = fields.required("areaCode");
    let ddd = fields.finish(ddd)?;
    let reservation = oss.reserve_random(ddd, key).await?;
    Ok((StatusCode::CREATED, Json(reservation)))
}

/// Give a number back
#[utoipa::path(
    delete,
    path = "/reservations/{msisdn}",
    operation_id = "release",
    tag = "Numbers",
    responses(
        (status = 204, description = "Given back, now or before"),
        (status = 404, description = "unknown-number"),
        (status = 409, description = "number-state, reserve-in-flight"),
    ),
)]
pub(super) async fn release(Acting(oss): Acting, params: Params) -> Result<StatusCode, Problem> {
    oss.release(params.get("msisdn")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Put a number on a line
#[utoipa::path(
    put,
    path = "/reservations/{msisdn}/assignment",
    operation_id = "assign",
    tag = "Numbers",
    request_body = ref("#/components/schemas/Assignment"),
    responses(
        (status = 204, description = "On the line of the SIM, now or before"),
        (status = 404, description = "unknown-number"),
        (status = 409, description = "number-state, number-in-doubt, assigned-elsewhere, sim-has-number"),
        (status = 422, description = "unknown-sim"),
    ),
)]
pub(super) async fn assign(
    Acting(oss): Acting,
    params: Params,
    mut fields: Fields,
) -> Result<StatusCode, Problem> {
    let msisdn = params.get("msisdn")?;
    let sim = fields.required("simId");
    oss.assign(msisdn, fields.finish(sim)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a number is now
#[utoipa::path(
    get,
    path = "/numbers/{msisdn}",
    operation_id = "showNumber",
    tag = "Numbers",
    responses(
        (status = 200, description = "The number, and every hold it has had", body = ref("#/components/schemas/Number")),
        (status = 404, description = "unknown-number"),
    ),
)]
pub(super) async fn show(Acting(oss): Acting, params: Params) -> Result<Json<Number>, Problem> {
    Ok(Json(oss.number(params.get("msisdn")?).await?))
}

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
#[utoipa::path(post, path = "/reservations")]
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
#[utoipa::path(delete, path = "/reservations/{msisdn}")]
pub(super) async fn release(Acting(oss): Acting, params: Params) -> Result<StatusCode, Problem> {
    oss.release(params.get("msisdn")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Put a number on a line
#[utoipa::path(put, path = "/reservations/{msisdn}/assignment")]
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
#[utoipa::path(get, path = "/numbers/{msisdn}")]
pub(super) async fn show(Acting(oss): Acting, params: Params) -> Result<Json<Number>, Problem> {
    Ok(Json(oss.number(params.get("msisdn")?).await?))
}

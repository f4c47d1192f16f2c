//! `/reservations` and `/numbers`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use oss_core::{Number, Reservation};

use super::AppState;
use crate::body::Fields;
use crate::key::Key;
use crate::path::Params;
use crate::problem::Problem;

/// `POST /reservations`
pub(super) async fn reserve_random(
    State(state): State<AppState>,
    Key(key): Key,
    mut fields: Fields,
) -> Result<(StatusCode, Json<Reservation>), Problem> {
    let ddd = fields.required("areaCode");
    let ddd = fields.finish(ddd)?;
    let reservation = state.oss.reserve_random(ddd, key).await?;
    Ok((StatusCode::CREATED, Json(reservation)))
}

/// `DELETE /reservations/{msisdn}`
pub(super) async fn release(State(state): State<AppState>, params: Params) -> Result<StatusCode, Problem> {
    state.oss.release(params.get("msisdn")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /reservations/{msisdn}/assignment`
pub(super) async fn assign(
    State(state): State<AppState>,
    params: Params,
    mut fields: Fields,
) -> Result<StatusCode, Problem> {
    let msisdn = params.get("msisdn")?;
    let sim = fields.required("simId");
    state.oss.assign(msisdn, fields.finish(sim)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /numbers/{msisdn}`
pub(super) async fn show(State(state): State<AppState>, params: Params) -> Result<Json<Number>, Problem> {
    Ok(Json(state.oss.number(params.get("msisdn")?).await?))
}

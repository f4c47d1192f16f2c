//! `/previews`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use oss_core::{Preview, Reservation};

use super::AppState;
use crate::body::Fields;
use crate::key::Key;
use crate::path::Params;
use crate::problem::Problem;

/// `POST /previews`
pub(super) async fn create(
    State(state): State<AppState>,
    Key(key): Key,
    mut fields: Fields,
) -> Result<(StatusCode, Json<Preview>), Problem> {
    let (ddd, previous) = (fields.required("areaCode"), fields.optional("previousId"));
    let ddd = fields.finish(ddd)?;
    let preview = state.oss.create_preview(ddd, previous, key).await?;
    Ok((StatusCode::CREATED, Json(preview)))
}

/// `PUT /previews/{previewId}/reservations/{index}`
pub(super) async fn reserve(
    State(state): State<AppState>,
    params: Params,
) -> Result<Json<Reservation>, Problem> {
    let reservation = state.oss.reserve(params.get("previewId")?, params.get("index")?).await?;
    Ok(Json(reservation))
}

//! `/previews`

use axum::Json;
use axum::http::StatusCode;
use oss_core::{Preview, Reservation};

use crate::access::Acting;
use crate::body::Fields;
use crate::key::Key;
use crate::path::Params;
use crate::problem::Problem;

/// Pre-reserve three numbers
#[utoipa::path(post, path = "/previews")]
pub(super) async fn create(
    Acting(oss): Acting,
    Key(key): Key,
    mut fields: Fields,
) -> Result<(StatusCode, Json<Preview>), Problem> {
    let (ddd, previous) = (fields.required("areaCode"), fields.optional("previousId"));
    let ddd = fields.finish(ddd)?;
    let preview = oss.create_preview(ddd, previous, key).await?;
    Ok((StatusCode::CREATED, Json(preview)))
}

/// Reserve one of the three
#[utoipa::path(put, path = "/previews/{previewId}/reservations/{index}")]
pub(super) async fn reserve(Acting(oss): Acting, params: Params) -> Result<Json<Reservation>, Problem> {
    let reservation = oss.reserve(params.get("previewId")?, params.get("index")?).await?;
    Ok(Json(reservation))
}

//! `/previews`

use axum::Json;
use axum::http::StatusCode;
use oss_core::{Ddd, Error, Index, Preview, PreviewId, Reservation};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::access::Acting;
use crate::body::{Body, RequestBody, optional_text, text};
use crate::key::Key;
use crate::openapi::of_sigan;
use crate::path::Params;
use crate::problem::Problem;

/// The area code of which to pre-reserve numbers.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({ "areaCode": "11" })))]
pub(super) struct NewPreview {
    /// The area code.
    #[serde(deserialize_with = "text")]
    area_code: Ddd,
    /// A preview that the new one replaces; Sigan frees its numbers.
    #[serde(default, deserialize_with = "optional_text")]
    #[schema(value_type = Option<uuid::Uuid>)]
    previous_id: Option<PreviewId>,
}

impl RequestBody for NewPreview {}

/// Pre-reserve three numbers
///
/// Sigan holds three numbers of the area code for a while, and the answer shows them masked. With `previousId` the new preview
/// replaces that one, and Sigan frees its numbers. Send an `Idempotency-Key` to repeat a call without drawing other numbers.
#[utoipa::path(
    post,
    path = "/previews",
    operation_id = "createPreview",
    tag = "Numbers",
    params(("Idempotency-Key" = String, Header)),
    request_body = NewPreview,
    responses(
        (status = 201, description = "Three numbers, masked", body = Preview),
    ),
    extensions(("x-problems" = json!([
        "preview-used", "no-numbers-left", "idempotency-key-in-flight", "unknown-ddd",
        "unknown-previous-preview", "idempotency-key-reused", "client-budget-exceeded", of_sigan(),
    ]))),
)]
pub(super) async fn create(
    Acting(oss): Acting,
    Key(key): Key,
    Body(NewPreview { area_code, previous_id }): Body<NewPreview>,
) -> Result<(StatusCode, Json<Preview>), Problem> {
    let preview = oss.create_preview(area_code).replacing(previous_id).idempotency_key(key).await?;
    Ok((StatusCode::CREATED, Json(preview)))
}

/// Reserve a number of a preview
///
/// Reserves the chosen number in Sigan, which takes some seconds, and shows it in full. Repeating the call answers the same
/// and settles an unknown outcome.
#[utoipa::path(
    put,
    path = "/previews/{previewId}/reservations/{index}",
    operation_id = "reserveFromPreview",
    tag = "Numbers",
    responses(
        (status = 200, description = "The number, in full; repeated, the same again", body = Reservation),
    ),
    extensions(("x-problems" = json!([
        "unknown-preview", "unknown-index", "preview-used", "reserve-in-flight", "reservation-given-up",
        "preview-expired", "number-taken", "number-unsettled", of_sigan(),
    ]))),
)]
pub(super) async fn reserve(Acting(oss): Acting, params: Params) -> Result<Json<Reservation>, Problem> {
    let (preview, index) = (params.get("previewId")?, params.get::<Index>("index")?);
    let choice = index.choice().ok_or(Error::UnknownChoice(preview))?;
    Ok(Json(oss.reserve(preview, choice).await?))
}

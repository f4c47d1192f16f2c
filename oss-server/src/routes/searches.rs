//! `/searches`

use axum::Json;
use oss_core::search::{SearchAmong, SearchResults, SearchTerm};
use serde::Deserialize;
use utoipa::ToSchema;

use super::releases::Called;
use crate::access::Acting;
use crate::body::{Body, RequestBody, text};
use crate::problem::Problem;

/// A text to search for. It is in a body, because it may be an identifier, and addresses reach logs.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({ "text": "(11) 99995-0002" })))]
pub(super) struct Search {
    /// A phone number, an ICCID, an IMSI, an EID, or the id of a preview, a reservation, a SIM or a line.
    #[serde(deserialize_with = "text")]
    #[schema(value_type = String)]
    text: SearchTerm,
}

impl RequestBody for Search {}

/// Search
///
/// Finds the number, the SIMs or the preview that an identifier names, within the caller's brand. The form of the text says what it
/// is. SIMs are found only with the scope `sims:read`.
#[utoipa::path(
    post,
    path = "/searches",
    operation_id = "search",
    tag = "Numbers",
    request_body = Search,
    responses(
        (status = 200, description = "The things that the identifier names; none if there are none", body = SearchResults),
    ),
)]
pub(super) async fn search(
    Acting(oss): Acting,
    Called(caller): Called,
    Body(Search { text }): Body<Search>,
) -> Result<Json<SearchResults>, Problem> {
    let among = if caller.sees_sims { SearchAmong::NumbersAndSims } else { SearchAmong::Numbers };
    Ok(Json(oss.search(&text, among).await?))
}

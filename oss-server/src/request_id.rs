//! The id of a request, which its answer, its log lines and its problem carry.

use axum::http::{HeaderMap, HeaderName};
use uuid::Uuid;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: the caller's own if it is a UUID, otherwise a new one. Any other text could carry something that must not
/// be logged.
pub(crate) fn of(headers: &HeaderMap) -> Uuid {
    let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    sent.and_then(|text| Uuid::try_parse(text).ok()).unwrap_or_else(Uuid::now_v7)
}

//! The id of a request, which its answer, its log lines and its problem carry.

use axum::http::{HeaderMap, HeaderName};
use uuid::Uuid;

tokio::task_local! {
    /// The id of the request that is being answered.
    static CURRENT: Uuid;
}

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request that is being answered; none outside of one.
pub(crate) fn current() -> Option<Uuid> {
    CURRENT.try_with(|id| *id).ok()
}

/// Runs work as the answer to the request with this id.
pub(crate) fn scope<F: Future>(id: Uuid, work: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(id, work)
}

/// The id of a request: the caller's own if it is a UUID, otherwise a new one. Any other text could carry something that must not
/// be logged.
pub(crate) fn of(headers: &HeaderMap) -> Uuid {
    let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    sent.and_then(|text| Uuid::try_parse(text).ok()).unwrap_or_else(Uuid::now_v7)
}

//! What happens around every request: its id, its line in the log, and what a panic becomes.
//!
//! The log has the route, never the path: a path may carry a phone number.

use std::any::Any;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use metrics::histogram;
use oss_core::telemetry::names::HTTP_REQUEST_DURATION;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::problem::Problem;
use crate::routes::Health;
use crate::telemetry::{answered, joined};

tokio::task_local! {
    /// The id of the request that is being answered.
    static CURRENT: Uuid;
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request that is being answered; none outside of one.
pub(crate) fn current_request() -> Option<Uuid> {
    CURRENT.try_with(|id| *id).ok()
}

/// Gives a request its id, logs it, and answers with the id.
///
/// An id that the caller sends is kept where it is a UUID: any other text could carry what must not be logged.
pub(crate) async fn observed(request: Request, next: Next) -> Response<Body> {
    let sent = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let id = sent.and_then(|text| Uuid::try_parse(text).ok()).unwrap_or_else(Uuid::now_v7);
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = method(&request);
    let span =
        tracing::info_span!("request", otel.kind = "server", id = %id, trace_id = Empty, method, route);
    joined(&span, request.headers(), method, &route);

    let observed = async {
        let begun = Instant::now();
        let response = next.run(request).await;
        let (elapsed, status) = (begun.elapsed(), response.status());
        histogram!(HTTP_REQUEST_DURATION, "route" => route, "method" => method, "status" => status.as_str().to_owned())
            .record(elapsed);
        answered(&Span::current(), status);
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(status = status.as_u16(), elapsed_ms, "Request answered.");
        response
    };
    let mut response = CURRENT.scope(id, observed.instrument(span)).await;
    // Answers carry numbers, and say what is true now; those that may be kept say so themselves.
    let cache_control = response.headers_mut().entry(header::CACHE_CONTROL);
    cache_control.or_insert(HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Asks clients to leave a server that is stopping. A connection that they kept would be closed soon, and the next request on
/// it could meet that.
pub(crate) async fn parting(State(health): State<Health>, request: Request, next: Next) -> Response<Body> {
    let mut response = next.run(request).await;
    if health.is_stopping() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A method of the standard by its name; any other could be any text.
fn method(request: &Request) -> &'static str {
    match request.method().as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// What a panic in a handler becomes. Its message may carry anything, so it is not logged.
pub(crate) fn panicked(_: Box<dyn Any + Send>) -> Response<Body> {
    tracing::error!("A handler panicked.");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "an internal fault stopped the request")
        .into_response()
}

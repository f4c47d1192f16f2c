//! Observes every request: gives it an id, logs it, and answers if its handler panics.
//!
//! The log has the route, never the path, because a path may carry a phone number.
//!
//! The service is written by hand because axum's `from_fn` clones and boxes everything inside it for each request.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use futures::future::{BoxFuture, FutureExt};
use opentelemetry::context::FutureExt as _;
use tower::{Layer, Service};
use tracing::Instrument;
use uuid::Uuid;

use crate::limits::Load;
use crate::problem::{Problem, Reported};
use crate::request_id::{self, REQUEST_ID};
use crate::state::Health;
use crate::telemetry::{Requests, Trace, record_status};

/// The route in metrics and in the log if there is no route for a request.
const NO_ROUTE: &str = "none";

/// Gives each request its id, logs it, and answers with the id. Limits the load, if there is a limit. Asks clients to leave a
/// server that is stopping.
#[derive(Debug, Clone)]
pub(crate) struct ObserveLayer {
    pub(crate) health: Health,
    pub(crate) load: Option<Arc<Load>>,
    /// Whether a connection stays open after an answer.
    pub(crate) keep_alive: bool,
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        let state = ObserveState { layer: self.clone(), requests: Requests::default() };
        Observe { inner, state: Arc::new(state) }
    }
}

/// Observes the requests of the inner service.
#[derive(Debug, Clone)]
pub(crate) struct Observe<S> {
    inner: S,
    state: Arc<ObserveState>,
}

#[derive(Debug)]
struct ObserveState {
    layer: ObserveLayer,
    requests: Requests,
}

impl ObserveState {
    /// Whether the client is asked to close its connection. A server that is stopping would soon close it itself, perhaps while
    /// the next request on it arrives.
    fn closes(&self) -> bool {
        !self.layer.keep_alive || self.layer.health.is_stopping()
    }

    async fn limit<E>(
        &self,
        answer: impl Future<Output = Result<Response<Body>, E>>,
    ) -> Result<Response<Body>, E> {
        match &self.layer.load {
            Some(load) => load.limit(answer).await,
            None => answer.await,
        }
    }
}

impl<S> Service<Request> for Observe<S>
where
    S: Service<Request, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (begun, id) = (Instant::now(), request_id::of(request.headers()));
        let (method, matched) = (method(&request), request.extensions().get::<MatchedPath>().cloned());
        let route = matched.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
        let trace = Trace::of(request.headers(), id);
        let trace_id = trace.id().map(tracing::field::display);
        let span = tracing::info_span!("request", otel.kind = "server", %id, trace_id, method, route);
        let trace = trace.join(&span, method, route);

        let (answer, state) = (self.inner.call(request), self.state.clone());
        let observed = async move {
            // State that a panic left half changed is dropped with the request. Shared state is never changed in steps.
            let answer = AssertUnwindSafe(state.limit(answer)).catch_unwind().await;
            let mut response = answer.unwrap_or_else(|_| Ok(answer_panic()))?;
            let (elapsed, status) = (begun.elapsed(), response.status());
            let route = matched.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
            state.requests.record(route, method, status, elapsed);
            record_status(&opentelemetry::Context::current(), status);
            log(method, status, elapsed, response.extensions().get());
            set_headers(response.headers_mut(), id, state.closes());
            Ok(response)
        };
        Box::pin(request_id::scope(id, observed.instrument(span).with_context(trace)))
    }
}

/// Logs a line for each request; a problem's line has its code and the reason. Look-ups and probes that succeed are logged at
/// level debug, because there may be thousands in a second, they change nothing, and metrics count them.
fn log(method: &'static str, status: StatusCode, elapsed: Duration, problem: Option<&Reported>) {
    let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let status = status.as_u16();
    if let Some(Reported { code, reason, needs_a_person }) = problem {
        if *needs_a_person {
            return tracing::error!(status, elapsed_ms, code, reason, "Request answered.");
        }
        tracing::info!(status, elapsed_ms, code, reason, "Request answered.");
    } else if matches!(method, "GET" | "HEAD") && status < 400 {
        tracing::debug!(status, elapsed_ms, "Request answered.");
    } else {
        tracing::info!(status, elapsed_ms, "Request answered.");
    }
}

/// Sets the headers that every answer has.
fn set_headers(headers: &mut HeaderMap, id: Uuid, closes: bool) {
    // Answers carry numbers and are true only now. An answer that may be kept says so itself.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let mut text = Uuid::encode_buffer();
    if let Ok(value) = HeaderValue::from_str(id.hyphenated().encode_lower(&mut text)) {
        headers.insert(REQUEST_ID, value);
    }
    if closes {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

/// The name of a method of the standard, or `other`, because any other method could be any text.
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

/// Logs that a handler panicked, and returns the answer. The panic's message may carry anything, so it is not logged.
fn answer_panic() -> Response<Body> {
    tracing::error!("A handler panicked.");
    Problem::internal("an internal fault stopped the request").into_response()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered_like_any_fault() {
        let broken = Router::new()
            .fallback(async || -> StatusCode { panic!("11999950001") })
            .layer(ObserveLayer { health: Health::default(), load: None, keep_alive: true });
        let answer = broken.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert!(answer.headers().contains_key(REQUEST_ID));
    }
}

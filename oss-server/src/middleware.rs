//! Observes every request: gives it an id, logs it, and answers if its handler panics.
//!
//! The log has the route, never the path, because a path may carry a phone number.
//!
//! The service is written by hand because axum's `from_fn` clones and boxes everything inside it for each request.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use tower::{Layer, Service};
use uuid::Uuid;

use crate::limits::{Limited, Load};
use crate::problem::{Problem, Reported};
use crate::request_id::{self, REQUEST_ID};
use crate::request_span::{Description, RequestSpan, Working};
use crate::state::Health;
use crate::telemetry::{Requests, Trace, record_status};

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

    fn limit<F>(&self, route: &str, answer: F) -> Limited<F> {
        match &self.layer.load {
            Some(load) => load.limit(route, answer),
            None => Limited::unlimited(answer),
        }
    }

    /// Counts and logs an answer, and sets the headers that every answer has.
    fn observe(&self, request: &Description, begun: Instant, mut response: Response<Body>) -> Response<Body> {
        let (elapsed, status) = (begun.elapsed(), response.status());
        self.requests.record(request.route(), request.method, status, elapsed);
        record_status(&opentelemetry::Context::current(), status);
        log(request.is_look_up(), status, elapsed, response.extensions().get());
        set_headers(response.headers_mut(), request.id, self.closes());
        response
    }
}

impl<S> Service<Request> for Observe<S>
where
    S: Service<Request, Response = Response<Body>, Error = Infallible, Future: Unpin>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Observed<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (begun, id) = (Instant::now(), request_id::of(request.headers()));
        let trace = Trace::of(request.headers(), id);
        let (method, matched) = (method(&request), request.extensions().get::<MatchedPath>().cloned());
        let description = Arc::new(Description { id, trace_id: trace.id(), method, matched });
        let span = RequestSpan::new(description.clone());
        let trace = trace.join(&span.span(), method, description.route());
        let answer = self.state.limit(description.route(), self.inner.call(request));
        Observed { answer, description, span: Some(span), trace, begun, state: self.state.clone() }
    }
}

/// The future of an answer that is observed. It is written by hand because axum boxes it anyway.
#[derive(Debug)]
pub(crate) struct Observed<F> {
    answer: Limited<F>,
    description: Arc<Description>,
    /// The span, while this request is not being worked at.
    span: Option<RequestSpan>,
    trace: opentelemetry::Context,
    begun: Instant,
    state: Arc<ObserveState>,
}

impl<F> Future for Observed<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>> + Unpin,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { answer, description, span, trace, begun, state } = self.get_mut();
        let _trace = trace.clone().attach();
        let _working = Working::for_request(span);
        // State that a panic left half changed is dropped with the request. Shared state is never changed in steps.
        let answer = catch_unwind(AssertUnwindSafe(|| Pin::new(answer).poll(cx)));
        let Ok(response) = ready!(answer.unwrap_or_else(|_| Poll::Ready(Ok(answer_panic()))));
        Poll::Ready(Ok(state.observe(description, *begun, response)))
    }
}

/// Logs a line for each request; a problem's line has its code and the reason. Look-ups and probes that succeed are logged at
/// level debug, because there may be thousands in a second, they change nothing, and metrics count them.
fn log(is_look_up: bool, status: StatusCode, elapsed: Duration, problem: Option<&Reported>) {
    let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let status = status.as_u16();
    if let Some(Reported { code, reason, needs_a_person }) = problem {
        if *needs_a_person {
            return tracing::error!(status, elapsed_ms, code, reason, "Request answered.");
        }
        tracing::info!(status, elapsed_ms, code, reason, "Request answered.");
    } else if is_look_up && status < 400 {
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use tower::ServiceExt;
    use tracing::span::Attributes;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::request_span;

    fn observe() -> ObserveLayer {
        ObserveLayer { health: Health::default(), load: None, keep_alive: true }
    }

    /// Counts the spans that are made.
    #[derive(Clone, Default)]
    struct Spans(Arc<AtomicUsize>);

    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Spans {
        fn on_new_span(
            &self,
            _: &Attributes<'_>,
            _: &tracing::Id,
            _: tracing_subscriber::layer::Context<'_, S>,
        ) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_look_up_that_writes_no_line_has_no_span() {
        request_span::make_only_for_lines();
        let spans = Spans::default();
        let _subscriber =
            tracing::subscriber::set_default(tracing_subscriber::registry().with(spans.clone()));
        let router = Router::new().fallback(async || StatusCode::NO_CONTENT).layer(observe());
        for (method, made) in [("GET", 0), ("HEAD", 0), ("POST", 1)] {
            let request = Request::builder().method(method).body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::NO_CONTENT);
            assert_eq!(spans.0.swap(0, Ordering::Relaxed), made, "{method}");
        }
    }

    #[tokio::test]
    async fn a_panic_is_answered_like_any_fault() {
        let broken =
            Router::new().fallback(async || -> StatusCode { panic!("11999950001") }).layer(observe());
        let answer = broken.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert!(answer.headers().contains_key(REQUEST_ID));
    }
}

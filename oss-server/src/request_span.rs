//! The span of a request. It puts the id of the request into every log line that is written for it.
//!
//! There may be thousands of look-ups in a second, and almost none of them writes a line. So a look-up gets its span when the
//! first line needs it, unless a collector receives the span of every request.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::MatchedPath;
use opentelemetry::trace::TraceId;
use tracing::Span;
use uuid::Uuid;

/// The route in metrics and in the log if there is no route for a request.
const NO_ROUTE: &str = "none";

/// Whether look-ups begin without a span.
static ONLY_FOR_LINES: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The request that this thread is answering at this moment.
    static CURRENT: RefCell<Option<RequestSpan>> = const { RefCell::new(None) };
}

/// Makes the spans of look-ups only for log lines. The log has to call [`make_for_line`] before each line, and no collector may
/// expect the spans.
pub(crate) fn make_only_for_lines() {
    ONLY_FOR_LINES.store(true, Ordering::Relaxed);
}

/// Makes the span of the request that is being answered, if it has none yet, and enters it.
pub(crate) fn make_for_line() {
    CURRENT.with_borrow_mut(|current| {
        if let Some(request) = current.as_mut().filter(|request| request.span.is_none()) {
            enter(request.span.insert(request.description.span()));
        }
    });
}

/// The id of the request that is being answered; none outside of one.
pub(crate) fn current_id() -> Option<Uuid> {
    CURRENT.with_borrow(|current| current.as_ref().map(|request| request.description.id))
}

/// The parts of a request that its log lines show.
#[derive(Debug)]
pub(crate) struct Description {
    pub(crate) id: Uuid,
    /// The trace, if its id is not the request's.
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) method: &'static str,
    pub(crate) matched: Option<MatchedPath>,
}

impl Description {
    pub(crate) fn route(&self) -> &str {
        self.matched.as_ref().map_or(NO_ROUTE, MatchedPath::as_str)
    }

    /// Whether the request only reads.
    pub(crate) fn is_look_up(&self) -> bool {
        matches!(self.method, "GET" | "HEAD")
    }

    fn span(&self) -> Span {
        let Self { id, method, .. } = self;
        let (route, trace_id) = (self.route(), self.trace_id.map(tracing::field::display));
        tracing::info_span!("request", otel.kind = "server", %id, trace_id, method, route)
    }
}

/// A request with its span, if it has one yet.
#[derive(Debug)]
pub(crate) struct RequestSpan {
    description: Arc<Description>,
    span: Option<Span>,
}

impl RequestSpan {
    /// Makes the span, unless the request is a look-up and only a log line would show it.
    pub(crate) fn new(description: Arc<Description>) -> Self {
        let is_late = description.is_look_up() && ONLY_FOR_LINES.load(Ordering::Relaxed);
        let span = (!is_late).then(|| description.span());
        Self { description, span }
    }

    /// The span, or a span that does nothing.
    pub(crate) fn span(&self) -> Span {
        self.span.clone().unwrap_or_else(Span::none)
    }
}

/// The time during which this thread works for a request. The request comes from a place, and returns there at the end.
pub(crate) struct Working<'a> {
    place: &'a mut Option<RequestSpan>,
    before: Option<RequestSpan>,
}

impl<'a> Working<'a> {
    pub(crate) fn for_request(place: &'a mut Option<RequestSpan>) -> Self {
        if let Some(span) = place.as_ref().and_then(|request| request.span.as_ref()) {
            enter(span);
        }
        let before = CURRENT.replace(place.take());
        Self { place, before }
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        *self.place = CURRENT.replace(self.before.take());
        if let Some(span) = self.place.as_ref().and_then(|request| request.span.as_ref()) {
            span.with_subscriber(|(id, subscriber)| subscriber.exit(id));
        }
    }
}

fn enter(span: &Span) {
    span.with_subscriber(|(id, subscriber)| subscriber.enter(id));
}

//! Calls to external systems. Each call has a span of its own, is counted and timed, and belongs to the trace of the request that
//! caused it.

use opentelemetry::global;
use opentelemetry_http::HeaderInjector;
use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use tracing::field::Empty;
use tracing::{Instrument, info_span};

use super::names::{GSIM_CALL_DURATION, SIGAN_CALL_DURATION};
use super::timing::{Timed, Timer, run_timed};

/// An external system that we call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum System {
    Sigan,
    Gsim,
}

impl System {
    fn histogram(self) -> &'static str {
        match self {
            Self::Sigan => SIGAN_CALL_DURATION,
            Self::Gsim => GSIM_CALL_DURATION,
        }
    }
}

/// Makes a call: in a span, counted and timed. `code` names an error.
pub(crate) async fn call<T, E>(
    system: System,
    call: &'static str,
    code: fn(&E) -> &'static str,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let name: &'static str = system.into();
    // A trace shows the first two fields: the name of the call, and that another program answers it.
    let span = info_span!(
        "call",
        otel.name = format_args!("{name} {call}"),
        otel.kind = "client",
        system = name,
        call,
        outcome = Empty,
        otel.status_code = Empty,
    );
    let work = Timed { histogram: system.histogram(), label: "call", name: call };
    let done = run_timed(Timer::start(work, None), code, answer).instrument(span.clone()).await;
    span.record("outcome", done.as_ref().map_or_else(code, |_| "ok"));
    if done.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    done
}

/// Adds the current context (`opentelemetry::Context`) to the headers of a request, in the form that this process has set
/// (`opentelemetry::global::set_text_map_propagator`). Changes nothing if it has set none.
pub(crate) fn with_trace_context(request: RequestBuilder) -> RequestBuilder {
    let mut headers = HeaderMap::new();
    global::get_text_map_propagator(|propagator| propagator.inject(&mut HeaderInjector(&mut headers)));
    request.headers(headers)
}

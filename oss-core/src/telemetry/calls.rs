//! The calls to the systems outside: each in a span of its own, counted and timed, and part of the trace of whatever it is
//! made for.

use opentelemetry::global;
use opentelemetry_http::HeaderInjector;
use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use tracing::field::Empty;
use tracing::{Instrument, info_span};

use super::names::{GSIM_CALL_DURATION, SIGAN_CALL_DURATION};
use super::timing::{Timed, Timer, timed};

/// A system that is called.
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

/// Makes a call. `code` is what its error is called.
pub(crate) async fn called<T, E>(
    system: System,
    call: &'static str,
    code: fn(&E) -> &'static str,
    asked: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let name: &'static str = system.into();
    // The first two are what a trace shows of it: its name, and that the other side is another program.
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
    let done = timed(Timer::start(work, None), code, asked).instrument(span.clone()).await;
    span.record("outcome", done.as_ref().map_or_else(code, |_| "ok"));
    if done.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    done
}

/// The request with the current context (`opentelemetry::Context`) in its headers, in the form that this process has chosen
/// (`opentelemetry::global::set_text_map_propagator`); as it was where it has chosen none.
pub(crate) fn continued(request: RequestBuilder) -> RequestBuilder {
    let mut headers = HeaderMap::new();
    global::get_text_map_propagator(|propagator| propagator.inject(&mut HeaderInjector(&mut headers)));
    request.headers(headers)
}

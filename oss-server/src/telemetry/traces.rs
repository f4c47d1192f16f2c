//! The trace of a request. It comes from the caller (W3C trace context), is shown in the log and goes on to Sigan. Its spans are
//! sent to a collector (OTLP) if one is configured.
//!
//! Spans may carry only what log lines may carry: no number, no key, no token. Spans of other crates are not sent, because they
//! show paths.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, StatusCode};
use opentelemetry::trace::{
    SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::{Level, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;
use url::Url;
use uuid::Uuid;

use super::collector::{BATCH, Collector};

/// The header with the trace of a caller (W3C Trace Context, 3.2).
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// The longest time that the end of the process waits for the delivery of the last spans.
const LAST_BATCH: Duration = Duration::from_secs(2);

/// The spans of this process, if a collector gets them.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: Option<SdkTracerProvider>,
}

impl Traces {
    /// Makes spans for a collector, if there is one, unless the caller of a request has decided against sending them. Without a
    /// collector no span is made: each request has only the ids of its trace, which the log shows and Sigan gets.
    pub(crate) fn new(collector: Option<&Url>) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        global::set_text_map_propagator(TraceContextPropagator::new());
        let Some(address) = collector else { return Ok(Self { provider: None }) };
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name("oss-server").with_attribute(version).build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
            .with_batch_exporter(exporter(address)?);
        Ok(Self { provider: Some(provider.build()) })
    }

    /// The layer that exports the spans of our own crates only.
    pub(crate) fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer = self.provider.as_ref()?.tracer("oss-server");
        // A target matches by its beginning, so this one matches the core and the server.
        let own = Targets::new().with_target("oss", Level::INFO);
        let layer = tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false);
        Some(layer.with_filter(own))
    }

    /// Sends the spans that have not been sent, and ends.
    pub(crate) async fn end(self) {
        let Some(provider) = self.provider else { return };
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_BATCH));
        if !ended.await.is_ok_and(|ended| ended.is_ok()) {
            tracing::warn!("The last spans could not be delivered.");
        }
    }
}

fn exporter(address: &Url) -> Result<SpanExporter, Box<dyn std::error::Error + Send + Sync>> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector::new(address)?)
        .with_endpoint(format!("{}/v1/traces", address.as_str().trim_end_matches('/')))
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(BATCH)
        // Spans that were not delivered are lost, because waiting for a collector only makes the queue behind it overflow.
        .with_retry_policy(RetryPolicy::disabled());
    Ok(exporter.build()?)
}

/// The trace that a request is part of.
#[derive(Debug)]
pub(crate) struct Trace {
    context: Context,
    /// Whether the caller began it.
    is_callers: bool,
}

impl Trace {
    /// The trace of the caller, or a new one that is not sampled. A new trace has the id of the request, so that one id leads to the
    /// other.
    pub(crate) fn of(headers: &HeaderMap, request: Uuid) -> Self {
        if headers.contains_key(TRACE_PARENT) {
            let context =
                global::get_text_map_propagator(|propagator| propagator.extract(&HeaderExtractor(headers)));
            if context.span().span_context().is_valid() {
                return Self { context, is_callers: true };
            }
        }
        let (_, span) = request.as_u64_pair();
        let (trace, span) =
            (TraceId::from_bytes(request.into_bytes()), SpanId::from_bytes(span.to_be_bytes()));
        let begun = SpanContext::new(trace, span, TraceFlags::NOT_SAMPLED, false, TraceState::NONE);
        Self { context: Context::new().with_remote_span_context(begun), is_callers: false }
    }

    /// Its id, if that is not the request's.
    pub(crate) fn id(&self) -> Option<TraceId> {
        self.is_callers.then(|| self.context.span().span_context().trace_id())
    }

    /// Makes this trace the parent of the request's span, and returns the context that outgoing calls propagate.
    pub(crate) fn join(self, span: &Span, method: &'static str, route: &str) -> Context {
        let parent = if self.is_callers { self.context.clone() } else { Context::new() };
        // Fails if no spans are made.
        if span.set_parent(parent).is_err() {
            return self.context;
        }
        let own = span.context();
        if !self.is_callers {
            span.record("trace_id", tracing::field::display(own.span().span_context().trace_id()));
        }
        // These are only for a collector, so they are not made if the caller does not want them sent.
        if own.span().is_recording() {
            own.span().update_name(format!("{method} {route}"));
            own.span().set_attribute(KeyValue::new("http.request.method", method));
            own.span().set_attribute(KeyValue::new("http.route", route.to_owned()));
        }
        own
    }
}

/// Records the status of the answer in the span of the request.
pub(crate) fn record_status(trace: &Context, status: StatusCode) {
    let span = trace.span();
    if span.is_recording() {
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        if status.is_server_error() {
            span.set_status(Status::error(""));
        }
    }
}

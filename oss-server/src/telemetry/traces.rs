//! The trace that a request is part of: taken up from the caller (W3C trace context), shown in the log, carried on to Sigan, and
//! its spans sent to a collector where one is configured (OTLP).
//!
//! Spans carry what log lines may carry and no more: no number, no key, no token. Those of other crates are not sent: they show
//! paths.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry::{KeyValue, global};
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

use super::collector::{BATCH, Collector};

/// The longest that the end of the process waits for the last spans to be delivered.
const LAST_BATCH: Duration = Duration::from_secs(2);

/// The spans of this process.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Spans that are sent to a collector, where there is one: those of requests whose caller does not say that they are not to
    /// be. Without one they still have their ids, which the log shows and Sigan is told.
    pub(crate) fn new(collector: Option<&Url>) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        global::set_text_map_propagator(TraceContextPropagator::new());
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name("oss-server").with_attribute(version).build();
        let provider = SdkTracerProvider::builder().with_resource(resource);
        let provider = match collector {
            Some(address) => provider
                .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
                .with_batch_exporter(exporter(address)?),
            None => provider.with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff))),
        };
        Ok(Self { provider: provider.build() })
    }

    /// What makes spans of those that the program names, our own crates' alone.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        // A target is matched by how it begins, so this one is the core and the server.
        let own = Targets::new().with_target("oss", Level::INFO);
        let tracer = self.provider.tracer("oss-server");
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(own)
    }

    /// Sends what has not been sent, and ends.
    pub(crate) async fn end(self) {
        let ended = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(LAST_BATCH));
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
        // What was not delivered is lost: waiting for a collector only makes the queue behind it overflow.
        .with_retry_policy(RetryPolicy::disabled());
    Ok(exporter.build()?)
}

/// Makes the span of a request part of its caller's trace, or of a new one, and shows which.
pub(crate) fn joined(span: &Span, headers: &HeaderMap, method: &'static str, route: &str) {
    let caller = global::get_text_map_propagator(|propagator| propagator.extract(&HeaderExtractor(headers)));
    // Fails where this process makes no spans, for example at a log level of its own in a test.
    let _ = span.set_parent(caller);
    let context = span.context();
    let own = context.span();
    if own.span_context().is_valid() {
        span.record("trace_id", tracing::field::display(own.span_context().trace_id()));
    }
    // What is only for a collector is not made where none gets it.
    if own.is_recording() {
        own.update_name(format!("{method} {route}"));
        span.set_attribute("http.request.method", method);
        span.set_attribute("http.route", route.to_owned());
    }
}

/// Tells the span of a request how it was answered.
pub(crate) fn answered(span: &Span, status: StatusCode) {
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_status(opentelemetry::trace::Status::error(""));
    }
}

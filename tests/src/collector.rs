//! A collector of traces: it takes the spans that a server sends over OTLP, and shows them.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;

type Taken = Arc<Mutex<Vec<ExportTraceServiceRequest>>>;

/// A collector that runs until the test ends.
#[derive(Debug)]
pub struct Collector {
    url: String,
    taken: Taken,
}

impl Collector {
    /// Starts a collector on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let taken = Taken::default();
        #[expect(clippy::disallowed_methods, reason = "no route of the service")]
        let router = Router::new().route("/v1/traces", post(take)).with_state(taken.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { url, taken }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Every span so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let scopes = taken.iter().flat_map(|sent| &sent.resource_spans).flat_map(|sent| &sent.scope_spans);
        scopes.flat_map(|sent| sent.spans.clone()).collect()
    }

    /// Everything that it got, as text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{:?}", self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn take(State(taken): State<Taken>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let is_protobuf = headers.get("content-type").is_some_and(|kind| kind == "application/x-protobuf");
    let Ok(sent) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    if !is_protobuf {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    taken.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
    StatusCode::OK
}

//! The way to the collector of traces: one request with a batch of spans, which may fail.
//!
//! A collector that is gone costs its spans and one line in the log. Nothing that serves ever waits for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::Client;
use tokio::runtime::Handle;
use url::Url;

/// The longest that sending a batch may take.
pub(super) const BATCH: Duration = Duration::from_secs(2);

/// The longest that opening a connection may take.
const CONNECT: Duration = Duration::from_secs(1);

/// The collector, over HTTP. The exporter calls it on a thread of its own, which is not one of tokio's.
#[derive(Debug)]
pub(super) struct Collector {
    client: Client,
    runtime: Handle,
    is_gone: AtomicBool,
}

impl Collector {
    /// Called inside a tokio runtime. Opens no connection yet.
    pub(super) fn new(address: &Url) -> Result<Self, reqwest::Error> {
        let builder = Client::builder().no_proxy().connect_timeout(CONNECT).timeout(BATCH);
        // Without TLS no certificates are needed, and a machine that has none must not fail for their lack.
        let builder = if address.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
        Ok(Self { client: builder.build()?, runtime: Handle::current(), is_gone: AtomicBool::new(false) })
    }

    /// Tells of an outage once, and of its end.
    fn note(&self, delivered: bool) {
        let was_gone = self.is_gone.swap(!delivered, Ordering::Relaxed);
        if !delivered && !was_gone {
            tracing::warn!("The collector of traces does not take them; they are lost meanwhile.");
        }
        if delivered && was_gone {
            tracing::info!("The collector takes traces again.");
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move { sent(&client, request).await }).await;
        let sent = sent.map_err(HttpError::from).flatten();
        self.note(sent.as_ref().is_ok_and(|response| response.status().is_success()));
        sent
    }
}

async fn sent(client: &Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let response = client.execute(request.try_into()?).await?;
    let status = response.status();
    Ok(Response::builder().status(status).body(response.bytes().await?)?)
}

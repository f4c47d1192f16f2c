//! Sends spans to the collector of traces, a batch in each request.
//!
//! If the collector is gone, the spans are lost and one line is logged. No request ever waits for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use oss_core::{ClientError, client_builder};
use reqwest::Client;
use tokio::runtime::Handle;
use url::Url;

/// The longest time that sending a batch may take.
pub(super) const BATCH: Duration = Duration::from_secs(2);

/// The longest time that opening a connection may take.
const CONNECT: Duration = Duration::from_secs(1);

/// The collector, over HTTP. The exporter calls it on a thread of its own, which is not one of tokio's.
#[derive(Debug)]
pub(super) struct Collector {
    client: Client,
    runtime: Handle,
    is_gone: AtomicBool,
}

impl Collector {
    /// Creates the client, inside a tokio runtime. Opens no connection yet.
    pub(super) fn new(address: &Url) -> Result<Self, ClientError> {
        let builder = client_builder(address)?.no_proxy().connect_timeout(CONNECT).timeout(BATCH);
        Ok(Self { client: builder.build()?, runtime: Handle::current(), is_gone: AtomicBool::new(false) })
    }

    /// Logs the begin and the end of an outage, each once.
    fn log_outage(&self, delivered: bool) {
        let was_gone = self.is_gone.swap(!delivered, Ordering::Relaxed);
        if !delivered && !was_gone {
            tracing::warn!("The collector of traces does not take them; they are lost until it does.");
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
        let sent = self.runtime.spawn(async move { send(&client, request).await }).await;
        let sent = sent.map_err(HttpError::from).flatten();
        self.log_outage(sent.as_ref().is_ok_and(|response| response.status().is_success()));
        sent
    }
}

async fn send(client: &Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let response = client.execute(request.try_into()?).await?;
    let status = response.status();
    Ok(Response::builder().status(status).body(response.bytes().await?)?)
}

//! One exchange over HTTP with a system outside, for the clients of Sigan and GSIM.
//!
//! Says what came back and not what it means. Addresses carry numbers and devices, so no error of the HTTP library is shown.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};
use url::Url;

use crate::telemetry::continued;

/// The longest that opening a connection may take; every call's timeout is longer.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest body that the contracts' answers have, with room to spare.
const LONGEST_BODY: usize = 64 * 1024;

/// How long a connection that may be used again is kept idle: less than any server keeps it.
const IDLE: Duration = Duration::from_secs(4);

/// An HTTP client could not be set up: TLS cannot be used, for example on a machine without CA certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the HTTP client could not be set up: {0}")]
pub struct ClientError(String);

/// What came back from a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Received {
    /// No connection was opened, so nothing was sent.
    NotOpened,
    /// Nothing in time.
    TimedOut,
    /// The connection was lost after it was opened.
    Lost,
    /// An answer whose body is longer than any of the contract.
    TooLong,
    /// An answer.
    Answer {
        /// Its status.
        status: u16,
        /// Its body.
        body: Vec<u8>,
    },
}

/// A client for the addresses under `base`: no redirects, no proxy, no retries of its own.
///
/// # Errors
///
/// [`ClientError`] if TLS cannot be set up.
pub(crate) fn client(base: &Url, call: Duration, idle_connections: usize) -> Result<Client, ClientError> {
    let builder = Client::builder()
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(call)
        .pool_max_idle_per_host(idle_connections)
        .pool_idle_timeout(IDLE);
    // Without TLS no certificates are needed, and a machine that has none must not fail for their lack.
    let builder = if base.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
    builder.build().map_err(|error| ClientError(error.without_url().to_string()))
}

/// The address of a path under `base`.
pub(crate) fn address(base: &Url, segments: &[&str]) -> Url {
    let mut address = base.clone();
    // A URL with a host, which the configuration asks for, always has path segments.
    if let Ok(mut path) = address.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    address
}

/// One request, as part of the trace of what it is made for, and its answer. `Err` is what may be tried again: no connection was opened.
pub(crate) async fn exchange(request: RequestBuilder) -> Result<Received, Received> {
    match continued(request).send().await {
        Ok(response) => Ok(read(response).await),
        Err(error) if error.is_connect() => Err(Received::NotOpened),
        Err(error) => Ok(interrupted(&error)),
    }
}

async fn read(mut response: Response) -> Received {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > LONGEST_BODY => return Received::TooLong,
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Received::Answer { status, body },
            Err(error) => return interrupted(&error),
        }
    }
}

fn interrupted(error: &reqwest::Error) -> Received {
    if error.is_timeout() { Received::TimedOut } else { Received::Lost }
}

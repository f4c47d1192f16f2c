//! One exchange over HTTP with an external system, for the clients of Sigan and GSIM.
//!
//! It returns the answer and does not interpret it. Addresses carry phone numbers and devices, so no error text of the HTTP
//! library is shown.

use std::cell::Cell;
use std::error::Error;
use std::iter::successors;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response};
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::time::{Instant, timeout_at};
use tower::util::MapRequestLayer;
use url::Url;

use crate::telemetry::with_trace_context;

/// The longest time to open a connection. Every call's timeout is longer.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest body that is read: the contracts' answers are shorter. The longest is a page of 1000 SIMs, of 190 bytes each.
const LONGEST_BODY: usize = 256 * 1024;

/// The time for which an idle connection is kept. Servers keep it longer.
const IDLE: Duration = Duration::from_secs(4);

tokio::task_local! {
    /// Whether a connection was opened for the exchange of this task.
    static OPENED: Cell<bool>;
}

/// An HTTP client could not be set up: TLS cannot be used, for example on a machine without CA certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the HTTP client could not be set up: {0}")]
pub struct ClientError(String);

impl From<reqwest::Error> for ClientError {
    fn from(error: reqwest::Error) -> Self {
        Self(error.without_url().to_string())
    }
}

impl From<rustls::Error> for ClientError {
    fn from(error: rustls::Error) -> Self {
        Self(error.to_string())
    }
}

/// The result of an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Received {
    /// No connection was opened, so nothing was sent.
    NotOpened,
    /// No answer came in time.
    TimedOut,
    /// A kept connection was lost before an answer began. Half a line of an answer looks the same to the HTTP library.
    Unanswered,
    /// A connection was lost otherwise, after it was opened.
    Lost,
    /// The body of the answer is too long for the contract.
    TooLong,
    /// An answer.
    Answer {
        /// Its status.
        status: u16,
        /// Its body.
        body: Vec<u8>,
    },
}

/// Creates a client for the addresses under `base`, without redirects, proxy or retries of its own.
///
/// # Errors
///
/// [`ClientError`] if TLS cannot be set up.
pub(crate) fn client(base: &Url, call: Duration, idle_connections: usize) -> Result<Client, ClientError> {
    client_builder(base)?
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(call)
        .pool_max_idle_per_host(idle_connections)
        .pool_idle_timeout(IDLE)
        .connector_layer(MapRequestLayer::new(|address| {
            // Nobody asks outside an exchange.
            let _ = OPENED.try_with(|opened| opened.set(true));
            address
        }))
        .build()
        .map_err(ClientError::from)
}

/// A builder of clients for addresses with the scheme of `base`, with the TLS of this crate: ring, and the authorities that this
/// machine trusts. A builder of reqwest's own has no implementation of TLS, and panics.
///
/// # Errors
///
/// [`ClientError`] if TLS cannot be set up.
pub fn client_builder(base: &Url) -> Result<ClientBuilder, ClientError> {
    Ok(Client::builder().tls_backend_preconfigured(client_tls(base)?))
}

fn client_tls(base: &Url) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?;
    // A client without TLS must also work on a machine that has no CA certificates.
    let builder = if base.scheme() == "http" {
        builder.with_root_certificates(RootCertStore::empty())
    } else {
        builder.with_platform_verifier()?
    };
    Ok(builder.with_no_client_auth())
}

/// The address of a path under `base`.
pub(crate) fn address(base: &Url, segments: &[&str]) -> Url {
    let mut address = base.clone();
    // The configuration requires a host, and a URL with a host always has path segments.
    if let Ok(mut path) = address.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    address
}

/// Sends a request with the current trace context, and reads the answer. `Err` may be tried again, because no connection was
/// opened.
pub(crate) async fn exchange(request: RequestBuilder) -> Result<Received, Received> {
    let exchange = async {
        match with_trace_context(request).send().await {
            Ok(response) => Ok(read(response).await),
            Err(error) if error.is_connect() => Err(Received::NotOpened),
            Err(error) if !OPENED.with(Cell::get) && is_unanswered(&error) => Ok(Received::Unanswered),
            Err(error) => Ok(failure(&error)),
        }
    };
    OPENED.scope(Cell::new(false), exchange).await
}

/// The count of further tries after a connection could not be opened.
const RECONNECTS: usize = 2;

/// Sends a request, which is built again for each try, and waits until `deadline` for its whole answer. It tries again only if
/// nothing was sent.
pub(crate) async fn exchange_until(deadline: Instant, request: impl Fn() -> RequestBuilder) -> Received {
    let tries = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_times(RECONNECTS)
        .with_jitter();
    let send_once = || async { exchange(request()).await };
    let answered = send_once.retry(tries).when(|failure| *failure == Received::NotOpened);
    timeout_at(deadline, answered).await.unwrap_or(Ok(Received::TimedOut)).unwrap_or_else(|failure| failure)
}

/// Whether the connection of a request failed, and not the reading of an answer that had begun.
fn is_unanswered(error: &reqwest::Error) -> bool {
    let of_connection =
        successors(error.source(), |&cause| cause.source()).find_map(|cause| cause.downcast_ref());
    of_connection.is_some_and(|error: &hyper::Error| !error.is_parse())
}

async fn read(mut response: Response) -> Received {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > LONGEST_BODY => return Received::TooLong,
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Received::Answer { status, body },
            Err(error) => return failure(&error),
        }
    }
}

fn failure(error: &reqwest::Error) -> Received {
    if error.is_timeout() { Received::TimedOut } else { Received::Lost }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const EMPTY: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

    /// Accepts one connection, answers each of its requests with the next of these bytes, and closes it.
    async fn answering(answers: &'static [&'static [u8]]) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            for answer in answers {
                assert!(connection.read(&mut [0; 4096]).await.unwrap() > 0);
                connection.write_all(answer).await.unwrap();
            }
        });
        url
    }

    #[tokio::test]
    async fn only_a_kept_connection_that_closes_before_an_answer_is_unanswered() {
        let cases: [(&'static [&'static [u8]], _); 3] = [
            (&[EMPTY, b""], Received::Unanswered),
            (&[EMPTY, b"nonsense\r\n\r\n"], Received::Lost),
            (&[EMPTY, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"], Received::Lost),
        ];
        for (answers, on_kept) in cases {
            let url = answering(answers).await;
            let client = client(&url, Duration::from_secs(5), 1).unwrap();
            let opened = exchange(client.put(url.clone())).await;
            assert_eq!(opened, Ok(Received::Answer { status: 200, body: Vec::new() }));
            assert_eq!(exchange(client.put(url)).await, Ok(on_kept), "{answers:?}");
        }
        let url = answering(&[b""]).await;
        let client = client(&url, Duration::from_secs(5), 1).unwrap();
        assert_eq!(exchange(client.put(url)).await, Ok(Received::Lost), "on a connection of its own");
    }
}

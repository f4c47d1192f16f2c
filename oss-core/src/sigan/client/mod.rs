//! The HTTP client of Sigan.
//!
//! Sends a call and hands what came back to [`classify`]. A retry is made only where nothing was sent. Addresses carry numbers,
//! so no error of the HTTP library is shown.

mod classify;

use std::time::Duration;

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable};
use reqwest::{Client, Method, RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;
use url::Url;

use self::classify::Received;
use super::wire::PreReserveBody;
use super::{Hold, Holder, HoldsPage, PreReservation, PreReserve, Sigan, SiganError};
use crate::config::{CONNECT_TIMEOUT, SiganConfig};
use crate::error::StartError;
use crate::numbers::{BrandId, Msisdn};

/// The longest body that the contract's answers have, with room to spare.
const LONGEST_BODY: usize = 64 * 1024;

/// How long a connection for the calls that may be repeated is kept idle: less than any server keeps it.
const IDLE: Duration = Duration::from_secs(4);

/// How often a connection that could not be opened is tried again.
const RECONNECTS: usize = 2;

/// How we show Sigan who we are.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Not at all.
    None,
    /// `Authorization: Bearer`.
    Bearer(SecretString),
    /// `Authorization: Basic`.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
}

/// Sigan, over HTTP.
#[derive(Debug)]
pub struct HttpSigan {
    base: Url,
    credentials: Credentials,
    call: Duration,
    /// For the calls whose effect is harmless when repeated.
    kept_alive: Client,
    /// For reserve: a connection each. On one kept alive, "closed just as we wrote" looks the same as a lost answer; on a
    /// fresh one, a failure to connect is without effect for certain.
    fresh: Client,
}

impl HttpSigan {
    /// A client of the Sigan that the configuration names. Opens no connection yet.
    ///
    /// # Errors
    ///
    /// [`StartError::Sigan`] where TLS cannot be set up, for example on a machine without CA certificates.
    pub fn new(config: &SiganConfig) -> Result<Self, StartError> {
        Ok(Self {
            base: config.url.clone(),
            credentials: config.credentials.clone(),
            call: config.timeout,
            kept_alive: client(config, usize::MAX)?,
            fresh: client(config, 0)?,
        })
    }

    fn address(&self, segments: &[&str]) -> Url {
        let mut address = self.base.clone();
        // A URL with a host, which the configuration asks for, always has path segments.
        if let Ok(mut path) = address.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        address
    }

    fn hold_address(&self, hold: &Hold) -> Url {
        self.address(&["pre-reservations", hold.external_id.as_str(), "reservations", hold.msisdn.as_str()])
    }

    fn request(&self, client: &Client, method: Method, address: Url) -> RequestBuilder {
        let request = client.request(method, address);
        match &self.credentials {
            Credentials::None => request,
            Credentials::Bearer(token) => request.bearer_auth(token.expose_secret()),
            Credentials::Basic { user, password } => request.basic_auth(user, Some(password.expose_secret())),
        }
    }

    /// Sends a request, built anew for each try, and waits for its whole answer.
    async fn send(&self, request: impl Fn() -> RequestBuilder) -> Received {
        let tries = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_times(RECONNECTS)
            .with_jitter();
        let send_once = || async { exchange(request()).await };
        let answered = send_once.retry(tries).when(|unsent| *unsent == Received::NotOpened);
        timeout(self.call, answered).await.unwrap_or(Ok(Received::TimedOut)).unwrap_or_else(|unsent| unsent)
    }
}

fn client(config: &SiganConfig, idle_connections: usize) -> Result<Client, StartError> {
    let builder = Client::builder()
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(config.timeout)
        .pool_max_idle_per_host(idle_connections)
        .pool_idle_timeout(IDLE);
    // Without TLS no certificates are needed, and a machine that has none must not fail for their lack.
    let builder = if config.url.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
    builder.build().map_err(|error| StartError::Sigan(error.without_url().to_string()))
}

/// One request and its answer. `Err` is what may be tried again: no connection was opened.
async fn exchange(request: RequestBuilder) -> Result<Received, Received> {
    match request.send().await {
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

#[async_trait]
impl Sigan for HttpSigan {
    async fn pre_reserve(&self, wish: &PreReserve) -> Result<PreReservation, SiganError> {
        let body = PreReserveBody {
            area_code: wish.ddd,
            quantity: wish.quantity,
            brand_id: wish.brand.clone(),
            hold_seconds: wish.hold_for.as_secs(),
            previous_external_id: wish.previous.clone(),
        };
        let address = self.address(&["pre-reservations"]);
        let request = || self.request(&self.kept_alive, Method::POST, address.clone()).json(&body);
        classify::pre_reserved(wish, self.send(request).await)
    }

    async fn reserve(&self, hold: &Hold) -> Result<(), SiganError> {
        let address = self.hold_address(hold);
        let received = self.send(|| self.request(&self.fresh, Method::PUT, address.clone())).await;
        classify::reserved(hold, received)
    }

    async fn release(&self, hold: &Hold) -> Result<(), SiganError> {
        let address = self.hold_address(hold);
        let received = self.send(|| self.request(&self.kept_alive, Method::DELETE, address.clone())).await;
        classify::released(hold, received)
    }

    async fn holder(&self, hold: &Hold) -> Result<Holder, SiganError> {
        let address = self.hold_address(hold);
        let received = self.send(|| self.request(&self.kept_alive, Method::GET, address.clone())).await;
        classify::held_by(hold, received)
    }

    async fn holds(
        &self,
        brand: &BrandId,
        after: Option<Msisdn>,
        limit: usize,
    ) -> Result<HoldsPage, SiganError> {
        let mut address = self.address(&["reservations"]);
        address
            .query_pairs_mut()
            .append_pair("brandId", brand.as_str())
            .append_pair("limit", &limit.to_string())
            .extend_pairs(after.map(|after| ("after", after.to_string())));
        let received = self.send(|| self.request(&self.kept_alive, Method::GET, address.clone())).await;
        classify::listed(after, received)
    }
}

//! The HTTP client of Sigan.
//!
//! It sends a call and hands the answer to [`classify`]. It tries again only if nothing was sent, or if it is a reserve whose kept
//! connection closed before the answer.

mod classify;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use url::Url;

use super::wire::PreReserveBody;
use super::{Hold, Holder, HoldsPage, PreReservation, PreReserve, Sigan, SiganError};
use crate::domain::{BrandId, Msisdn};
use crate::http::{self, ClientError, Received, exchange_until};

/// The credentials that show Sigan who we are.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// No credentials are sent.
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

/// The settings of the client of Sigan.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SiganConfig {
    /// The address under which its paths lie.
    pub url: Url,
    /// The brand on whose behalf it holds numbers.
    pub brand: BrandId,
    /// The credentials that show who we are.
    pub credentials: Credentials,
    /// The longest that one call may take, connecting included.
    pub timeout: Duration,
}

/// The client of Sigan over HTTP.
#[derive(Debug)]
pub struct HttpSigan {
    base: Url,
    credentials: Credentials,
    call: Duration,
    /// The client that keeps its connections.
    kept_alive: Client,
    /// The client that opens a connection for each call.
    fresh: Client,
}

impl HttpSigan {
    /// Creates a client of the Sigan that the configuration names. Opens no connection yet.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if TLS cannot be set up.
    pub fn new(config: &SiganConfig) -> Result<Self, ClientError> {
        Ok(Self {
            base: config.url.clone(),
            credentials: config.credentials.clone(),
            call: config.timeout,
            kept_alive: client(config, usize::MAX)?,
            fresh: client(config, 0)?,
        })
    }

    fn address(&self, segments: &[&str]) -> Url {
        http::address(&self.base, segments)
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

    /// Sends a request, and waits for its whole answer.
    async fn send(&self, request: impl Fn() -> RequestBuilder) -> Received {
        exchange_until(Instant::now() + self.call, request).await
    }
}

fn client(config: &SiganConfig, idle_connections: usize) -> Result<Client, ClientError> {
    http::client(&config.url, config.timeout, idle_connections)
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
        classify::pre_reserve_result(wish, self.send(request).await)
    }

    async fn reserve(&self, hold: &Hold) -> Result<(), SiganError> {
        let (address, deadline) = (self.hold_address(hold), Instant::now() + self.call);
        let request = |client| self.request(client, Method::PUT, address.clone());
        let received = exchange_until(deadline, || request(&self.kept_alive)).await;
        if received != Received::Unanswered {
            return classify::reserve_result(hold, received);
        }
        // Sigan closes a connection that was idle for long just as we write. The contract lets a reserve be repeated.
        let received = exchange_until(deadline, || request(&self.fresh)).await;
        classify::repeated_reserve_result(hold, received)
    }

    async fn release(&self, hold: &Hold) -> Result<(), SiganError> {
        let address = self.hold_address(hold);
        let received = self.send(|| self.request(&self.kept_alive, Method::DELETE, address.clone())).await;
        classify::release_result(hold, received)
    }

    async fn holder(&self, hold: &Hold) -> Result<Holder, SiganError> {
        let address = self.hold_address(hold);
        let received = self.send(|| self.request(&self.kept_alive, Method::GET, address.clone())).await;
        classify::holder_result(hold, received)
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
        classify::holds_result(after, received)
    }
}

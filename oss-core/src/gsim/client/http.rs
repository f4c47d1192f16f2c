//! Carries requests to GSIM over HTTP.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use url::Url;

use super::{Carried, Carry, GsimClient, GsimConfig, Outgoing};
use crate::http::{self, ClientError, Received, exchange, exchange_until};

/// The carrier over HTTP.
#[derive(Debug)]
pub struct Http {
    base: Url,
    token: Option<SecretString>,
    /// The client for questions about devices.
    questions: Client,
    /// The longest that one call about an order may take.
    order_call: Duration,
    /// The client for orders that keeps its connections.
    kept_alive: Client,
    /// The client for orders that opens a connection for each call.
    fresh: Client,
}

impl GsimClient<Http> {
    /// Creates a client of the GSIM that the configuration names. Opens no connection yet.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if TLS cannot be set up.
    pub fn new(config: &GsimConfig) -> Result<Self, ClientError> {
        let carrier = Http {
            base: config.url.clone(),
            token: config.token.clone(),
            questions: http::client(&config.url, config.timeout, usize::MAX)?,
            order_call: config.order_timeout,
            kept_alive: http::client(&config.url, config.order_timeout, usize::MAX)?,
            fresh: http::client(&config.url, config.order_timeout, 0)?,
        };
        Ok(Self { carrier })
    }
}

impl Http {
    fn request(&self, client: &Client, outgoing: &Outgoing) -> RequestBuilder {
        let path: Vec<&str> = outgoing.path.iter().map(String::as_str).collect();
        let mut address = http::address(&self.base, &path);
        if !outgoing.query.is_empty() {
            address.query_pairs_mut().extend_pairs(&outgoing.query);
        }
        let request = client.request(outgoing.method.clone(), address);
        let request = match &outgoing.body {
            Some(body) => {
                request.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body.clone())
            }
            None => request,
        };
        match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }
}

#[async_trait]
impl Carry for Http {
    async fn carry_question(&self, request: &Outgoing) -> Received {
        exchange(self.request(&self.questions, request)).await.unwrap_or_else(|failure| failure)
    }

    async fn carry(&self, request: &Outgoing) -> Carried {
        let deadline = Instant::now() + self.order_call;
        let received = exchange_until(deadline, || self.request(&self.kept_alive, request)).await;
        if received != Received::Unanswered || request.method != Method::PUT {
            return Carried { received, is_repeated: false };
        }
        // GSIM closes a connection that was idle for long just as we write. The contract lets an order be repeated.
        let received = exchange_until(deadline, || self.request(&self.fresh, request)).await;
        Carried { received, is_repeated: true }
    }
}

//! One delivery over HTTP.

use std::fmt;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;

use super::Webhook;
use crate::domain::{Event, EventId};
use crate::http::{self, ClientError};

/// The longest that a receiver may take (Standard Webhooks 1.0 recommends 15 to 30 seconds).
const TIMEOUT: Duration = Duration::from_secs(15);

/// The client of one webhook. It follows no redirects, because the address is the configured one alone.
#[derive(Debug)]
pub(crate) struct Caller {
    client: Client,
}

/// The body of a delivery (Standard Webhooks 1.0, "Payload structure").
#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    /// The kind of the event.
    #[serde(rename = "type")]
    pub(crate) kind: &'a str,
    /// The time of the event.
    pub(crate) timestamp: chrono::DateTime<chrono::Utc>,
    /// The event.
    pub(crate) data: &'a Event,
}

/// The reason why a delivery failed. The event is delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failed {
    /// No connection could be opened.
    NotReachable,
    /// No answer came in time.
    TimedOut,
    /// The connection was lost, or the answer was no HTTP.
    Lost,
    /// The answer had a status other than 2xx.
    Status(u16),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReachable => f.write_str("it cannot be reached"),
            Self::TimedOut => f.write_str("it did not answer in time"),
            Self::Lost => f.write_str("the connection was lost"),
            Self::Status(status) => write!(f, "it answered {status}"),
        }
    }
}

impl Failed {
    /// The label of metrics.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::NotReachable => "not-reachable",
            Self::TimedOut => "timeout",
            Self::Lost => "connection-lost",
            Self::Status(_) => "status",
        }
    }
}

impl Caller {
    pub(crate) fn new(webhook: &Webhook) -> Result<Self, ClientError> {
        Ok(Self { client: http::client(&webhook.url, TIMEOUT, 1)? })
    }

    /// Delivers a message. `seconds` is the time now, in seconds since 1970, by which a receiver refuses old copies.
    pub(crate) async fn deliver(
        &self,
        webhook: &Webhook,
        id: EventId,
        seconds: i64,
        body: String,
    ) -> Result<(), Failed> {
        let id = id.to_string();
        let signatures: Vec<String> =
            webhook.secrets.iter().map(|secret| secret.sign(&id, seconds, &body)).collect();
        let request = self
            .client
            .post(webhook.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signatures.join(" "))
            .body(body);
        // The body of the answer is not read.
        match request.send().await {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(Failed::Status(response.status().as_u16())),
            Err(error) if error.is_connect() => Err(Failed::NotReachable),
            Err(error) if error.is_timeout() => Err(Failed::TimedOut),
            Err(_) => Err(Failed::Lost),
        }
    }
}

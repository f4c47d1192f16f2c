//! The call-backs of the mock: it posts each state of a profile to the service.
//!
//! They wait until somebody [sends](GsimMock::send_notifications) them, so that a test decides how late they are.

use std::time::Duration;

use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::GsimMock;
use crate::gsim::wire::Notification;
use crate::http::{self, ClientError, Received, exchange};

/// The longest that one call-back may take.
const CALL: Duration = Duration::from_secs(10);

/// The address of the call-backs.
#[derive(Debug, Clone)]
pub struct CallBack {
    url: Url,
    token: Option<SecretString>,
    client: Client,
}

/// The way in which the call-backs that wait are delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Each once, the oldest first.
    #[default]
    InOrder,
    /// Each twice, the oldest first.
    Twice,
    /// Each once, the newest first.
    Reversed,
}

impl CallBack {
    /// Call-backs to the service under this address, with a bearer token if it has one.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if TLS cannot be set up.
    pub fn new(service: &Url, token: Option<SecretString>) -> Result<Self, ClientError> {
        let client = http::client(service, CALL, usize::MAX)?;
        Ok(Self { url: http::address(service, &["gsim", "notifications"]), token, client })
    }

    /// Posts a call-back. Returns whether it was accepted.
    async fn post(&self, notification: &Notification) -> bool {
        let request = self.client.post(self.url.clone()).json(notification);
        let request = match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        };
        let received = exchange(request).await.unwrap_or_else(|failure| failure);
        matches!(received, Received::Answer { status: 200..=299, .. })
    }
}

impl GsimMock {
    /// Sets the address of the call-backs; none to keep them until they are [taken](GsimMock::take_notifications).
    pub fn call_back(&self, to: Option<CallBack>) {
        self.state.lock().call_back = to;
    }

    /// Sends the call-backs that wait, and returns how many were accepted. Those that were not accepted wait for the next time.
    pub async fn send_notifications(&self, delivery: Delivery) -> usize {
        let Some(to) = self.state.lock().call_back.clone() else { return 0 };
        let mut waiting = self.take_notifications();
        match delivery {
            Delivery::InOrder => {}
            Delivery::Twice => waiting = waiting.into_iter().flat_map(|one| [one.clone(), one]).collect(),
            Delivery::Reversed => waiting.reverse(),
        }
        let (mut accepted, mut refused) = (0, Vec::new());
        for notification in waiting {
            if to.post(&notification).await {
                accepted += 1;
            } else {
                refused.push(notification);
            }
        }
        self.keep_notifications(refused);
        accepted
    }
}

//! Webhooks: addresses to which events are delivered, signed according to Standard Webhooks 1.0.
//!
//! This module has their configuration and the call of one delivery. [`events`](crate::events) decides what is delivered when.

mod call;
mod secret;

use std::fmt;

use url::Url;

pub(crate) use self::call::{Caller, Failed, Message};
pub use self::secret::WebhookSecret;
use crate::domain::{BrandId, ClientName, EventKind};

/// An address to which events are delivered.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Webhook {
    /// Its name, under which the database has its position.
    pub name: ClientName,
    /// The address.
    pub url: Url,
    /// The secrets that sign each delivery: one, or two while one is being replaced.
    pub secrets: Vec<WebhookSecret>,
    /// The kinds of events that it gets; all of them if there are none.
    pub kinds: Vec<EventKind>,
    /// The brand whose events it gets, with numbers in full. Without one, it gets the events of all brands, with numbers masked.
    pub brand: Option<BrandId>,
}

/// The address may carry a token, so only its host is shown.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("name", &self.name)
            .field("host", &self.url.host_str())
            .field("kinds", &self.kinds)
            .field("brand", &self.brand)
            .finish_non_exhaustive()
    }
}

impl Webhook {
    /// Whether it gets the events of a kind.
    pub(crate) fn wants(&self, kind: &EventKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(kind)
    }
}

//! The clients of the service, their keys, and the scopes that each client has.
//!
//! This module does not depend on HTTP: the server takes a key out of a request and looks its client up here.

mod key;
mod scope;
mod share;

use std::fmt;

pub use key::{ClientKey, KeyDigest, NoRandomness};
pub use scope::Scope;
pub use share::{ClientLimit, Share};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::domain::{BrandId, ClientName, Malformed};

/// The client name for the idempotency keys of every request to a server that has no clients configured.
pub const ANYONE: &str = "anonymous";

/// The client name for the idempotency keys that come from the command line.
pub const COMMAND_LINE: &str = "oss";

/// Reads the name of a client. It rejects [`ANYONE`] and [`COMMAND_LINE`], because a client with such a name would share their
/// idempotency keys, and get the numbers that they reserved.
///
/// # Errors
///
/// [`Malformed`] for those two names, and for a text that is no name.
///
/// ```
/// use oss_core::access::client_name;
///
/// assert!(client_name("acquisition").is_ok());
/// assert!(client_name("oss").is_err() && client_name("anonymous").is_err());
/// ```
pub fn client_name(text: &str) -> Result<ClientName, Malformed> {
    if [ANYONE, COMMAND_LINE].contains(&text) {
        return Err(Malformed {
            expected: "a client's name other than `oss`, which is the command line's, and `anonymous`, which is anyone's",
        });
    }
    text.parse()
}

/// A program that calls the service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Client {
    /// Its name, for logs, limits and idempotency keys.
    pub name: ClientName,
    /// The digests of its keys: one, or two while a key is being replaced.
    pub keys: Vec<KeyDigest>,
    /// The scopes that it has.
    pub scopes: Vec<Scope>,
    /// The brands on whose behalf it may act, at least one. Sigan gets the brand of each call.
    pub brands: Vec<BrandId>,
}

impl Client {
    /// A client with one key and one brand.
    #[must_use]
    pub fn new(name: ClientName, key: KeyDigest, scopes: Vec<Scope>, brand: BrandId) -> Self {
        Self { name, keys: vec![key], scopes, brands: vec![brand] }
    }

    /// The brand on whose behalf a call acts: the wished one if the client may act for it, and the first one without a wish.
    #[must_use]
    pub fn brand_for(&self, wish: Option<&str>) -> Option<&BrandId> {
        self.brands.iter().find(|brand| wish.is_none_or(|wish| wish == brand.as_str()))
    }

    /// Whether it has a scope.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// Every configured client.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Clients(Vec<Client>);

impl Clients {
    /// The client that holds a key. The time this takes does not depend on the key, so that nobody can guess a key by timing.
    ///
    /// ```
    /// use oss_core::access::{Client, ClientKey, Clients, Scope};
    ///
    /// let key = ClientKey::generate()?;
    /// let scopes = vec![Scope::NumbersReserve];
    /// let client = Client::new("acquisition".parse()?, key.digest(), scopes, "acme".parse()?);
    /// let clients = Clients::from_iter([client]);
    /// let holder = clients.holder(key.expose()).ok_or("it is known")?;
    /// assert!(holder.may(Scope::NumbersReserve) && !holder.may(Scope::NumbersRelease));
    /// assert!(clients.holder("another").is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn holder(&self, presented: &str) -> Option<&Client> {
        let presented = KeyDigest::of(presented);
        let mut holder = u64::MAX;
        for (index, client) in (0..).zip(&self.0) {
            let has_key = client.keys.iter().fold(Choice::from(0), |any, key| any | key.ct_eq(&presented));
            holder.conditional_assign(&index, has_key);
        }
        self.0.get(usize::try_from(holder).ok()?)
    }

    /// The client with a name.
    #[must_use]
    pub fn named(&self, name: &ClientName) -> Option<&Client> {
        self.0.iter().find(|client| client.name == *name)
    }

    /// The brands on whose behalf the clients act.
    pub fn brands(&self) -> impl Iterator<Item = &BrandId> {
        self.0.iter().flat_map(|client| &client.brands)
    }

    /// The names of the clients.
    pub fn names(&self) -> impl Iterator<Item = &ClientName> {
        self.0.iter().map(|client| &client.name)
    }

    /// Whether there are no clients.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The count of clients.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<Client> for Clients {
    fn from_iter<I: IntoIterator<Item = Client>>(clients: I) -> Self {
        Self(clients.into_iter().collect())
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|client| client.name.as_str())).finish()
    }
}

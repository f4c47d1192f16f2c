//! The clients of the service, their keys, and what each key opens.
//!
//! Knows nothing of HTTP: the server takes a key out of a request and asks here whose it is.

mod key;
mod scope;
mod share;

use std::fmt;

pub use key::{ClientKey, KeyDigest, NoRandomness};
pub use scope::Scope;
pub use share::{ClientLimit, Share};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::domain::{BrandId, ClientName, Malformed};

/// The name under which a server without clients keeps the idempotency keys of everyone who calls it.
pub const ANYONE: &str = "anonymous";

/// The name under which the command line keeps the idempotency keys of operators.
pub const COMMAND_LINE: &str = "oss";

/// The name of a client. [`ANYONE`] and [`COMMAND_LINE`] are no names of clients: a client with such a name would share their
/// idempotency keys, and get the numbers that they reserved.
///
/// # Errors
///
/// [`Malformed`] for those two, and for what is no name.
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
    /// The brand on whose behalf it acts; Sigan is told this one.
    pub brand: BrandId,
}

impl Client {
    /// A client with one key.
    #[must_use]
    pub fn new(name: ClientName, key: KeyDigest, scopes: Vec<Scope>, brand: BrandId) -> Self {
        Self { name, keys: vec![key], scopes, brand }
    }

    /// Whether it may do what a scope names.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// Every client that is known.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Clients(Vec<Client>);

impl Clients {
    /// The client that holds a key. How long this takes does not depend on the key, so that it cannot be guessed by the clock.
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
            let known = client.keys.iter().fold(Choice::from(0), |known, key| known | key.ct_eq(&presented));
            holder.conditional_assign(&index, known);
        }
        self.0.get(usize::try_from(holder).ok()?)
    }

    /// The brands on whose behalf they act.
    pub fn brands(&self) -> impl Iterator<Item = &BrandId> {
        self.0.iter().map(|client| &client.brand)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &ClientName> {
        self.0.iter().map(|client| &client.name)
    }

    /// Whether nobody is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
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

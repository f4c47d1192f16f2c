//! The clients' keys and limits.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use axum::http::{HeaderMap, header};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use oss_core::access::{ANYONE, Client, ClientLimit, Clients, Scope, Share};
use oss_core::{BrandId, ClientName, Error, Malformed};

use super::Caller;
use super::in_flight::{Counts, Slot};
use crate::problem::{Challenge, FORBIDDEN, FOREIGN_BRAND, Problem, TOO_MANY_REQUESTS, UNAUTHENTICATED};

/// The header that selects the brand of a request, if its client may act for several.
pub(crate) const BRAND: &str = "Oss-Brand";

/// Decides for each request whether its caller may send it now.
#[derive(Debug)]
pub struct Access {
    callers: ArcSwap<Callers>,
    /// Kept if the clients are replaced, so that nobody gets a fresh start when the keys are read again.
    rates: DefaultKeyedRateLimiter<ClientName>,
    /// The most requests that one of several clients may have in flight.
    requests: usize,
}

/// The limits of one client.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ClientLimits {
    /// The most requests of this client that are served in a second.
    pub requests_per_second: NonZeroU32,
    /// The most requests of all clients together that are served at the same time.
    pub concurrent_requests: usize,
    /// The part of them that one client may have, if there are others.
    pub share: Share,
}

impl ClientLimits {
    /// The limits of requests, and the part of them for one client.
    #[must_use]
    pub fn new(requests_per_second: NonZeroU32, concurrent_requests: usize, share: Share) -> Self {
        Self { requests_per_second, concurrent_requests, share }
    }
}

/// The callers that may be let in.
#[derive(Debug)]
pub(super) enum Callers {
    Anyone(Caller),
    Clients(Clients, Counts),
}

impl Callers {
    /// Builds the callers from these clients. A client that was there `before` keeps its count of requests.
    fn of(clients: Clients, before: &Counts) -> Self {
        clients.names().for_each(ClientLimit::begin_counts);
        let counts = Counts::of(&clients, before);
        Self::Clients(clients, counts)
    }
}

impl Access {
    /// Lets anyone who reaches the server do everything.
    ///
    /// # Errors
    ///
    /// Never, because the name that it gives them is well formed.
    pub fn anyone(requests_per_second: NonZeroU32) -> Result<Self, Malformed> {
        let name = ANYONE.parse()?;
        let caller = Caller { name, brand: None, sees_numbers: true, sees_sims: true, has_others: false };
        ClientLimit::begin_counts(&caller.name);
        Ok(Self::new(Callers::Anyone(caller), requests_per_second, usize::MAX))
    }

    /// Lets in only clients, each within its scopes.
    #[must_use]
    pub fn clients(clients: Clients, limits: ClientLimits) -> Self {
        let ClientLimits { requests_per_second, concurrent_requests, share } = limits;
        let callers = Callers::of(clients, &Counts::default());
        Self::new(callers, requests_per_second, share.of(concurrent_requests))
    }

    fn new(callers: Callers, requests_per_second: NonZeroU32, requests: usize) -> Self {
        let rates = RateLimiter::keyed(Quota::per_second(requests_per_second));
        Self { callers: ArcSwap::from_pointee(callers), rates, requests }
    }

    /// Whether callers need a key.
    pub(crate) fn has_keys(&self) -> bool {
        matches!(&**self.callers.load(), Callers::Clients(..))
    }

    /// Replaces the clients. Requests that were already let in go on.
    pub fn replace(&self, clients: Clients) {
        let before = self.callers.load();
        let none = Counts::default();
        let counts = if let Callers::Clients(_, counts) = &**before { counts } else { &none };
        self.callers.store(Callers::of(clients, counts).into());
    }

    /// Lets a request in if its caller has the scope and is within its limits. Returns the caller and the slot of the request.
    pub(super) fn admit(&self, headers: &HeaderMap, scope: Scope) -> Result<(Caller, Option<Slot>), Problem> {
        let callers = self.callers.load();
        let (clients, counts) = match &**callers {
            Callers::Anyone(caller) => {
                self.check_rate(&caller.name)?;
                // Anyone may call, but only for the brand of the configuration.
                if headers.contains_key(BRAND) {
                    return Err(foreign_brand());
                }
                return Ok((caller.clone(), None));
            }
            Callers::Clients(clients, counts) => (clients, counts),
        };
        let client = recognise(clients, headers, scope)?;
        let brand = brand_of(client, headers)?;
        let has_others = clients.len() > 1;
        let slot = self.limit(client, counts, has_others)?;
        Ok((Caller::new(client, brand.clone(), has_others), slot))
    }

    /// The callers that may be let in now.
    pub(super) fn callers(&self) -> Guard<Arc<Callers>> {
        self.callers.load()
    }

    /// Counts a request against the limits of its client. If there is only one client, nobody has to be protected from it.
    pub(super) fn limit(
        &self,
        client: &Client,
        counts: &Counts,
        has_others: bool,
    ) -> Result<Option<Slot>, Problem> {
        self.check_rate(&client.name)?;
        if has_others { self.take_slot(counts, &client.name).map(Some) } else { Ok(None) }
    }

    pub(super) fn check_rate(&self, client: &ClientName) -> Result<(), Problem> {
        self.rates.check_key(client).map_err(|until| {
            ClientLimit::Rate.count_refusal(client);
            too_many(until.wait_time_from(DefaultClock::default().now()))
        })
    }

    fn take_slot(&self, counts: &Counts, client: &ClientName) -> Result<Slot, Problem> {
        counts.take(client, self.requests).ok_or_else(|| {
            ClientLimit::Requests.count_refusal(client);
            Error::ClientShareExceeded { limit: ClientLimit::Requests }.into()
        })
    }
}

/// The client whose key a request shows, or the problem if no client has the key or the client lacks the scope.
fn recognise<'a>(clients: &'a Clients, headers: &HeaderMap, scope: Scope) -> Result<&'a Client, Problem> {
    let key = bearer_key(headers)?;
    let client = clients
        .holder(key)
        .ok_or_else(|| unauthenticated("no client has this key").challenge(Challenge::InvalidToken))?;
    if client.may(scope) { Ok(client) } else { Err(forbidden(scope)) }
}

/// The brand for which a client acts in a request.
fn brand_of<'a>(client: &'a Client, headers: &HeaderMap) -> Result<&'a BrandId, Problem> {
    let mut given = headers.get_all(BRAND).iter();
    let brand = match (given.next(), given.next()) {
        (None, _) => client.brand_for(None),
        // A value that is no text names no brand.
        (Some(wish), None) => client.brand_for(Some(wish.to_str().unwrap_or_default())),
        _ => None,
    };
    brand.ok_or_else(foreign_brand)
}

/// The key of `Authorization: Bearer KEY` (RFC 6750, 2.1).
fn bearer_key(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return Err(unauthenticated("send the client's key once, as Authorization: Bearer KEY"));
    };
    let split = value.to_str().ok().and_then(|text| text.split_once(' '));
    match split {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Ok(key.trim()),
        _ => Err(unauthenticated("the Authorization header has to be: Bearer KEY")),
    }
}

fn unauthenticated(detail: &str) -> Problem {
    Problem::new(UNAUTHENTICATED, detail).challenge(Challenge::NoToken)
}

pub(super) fn forbidden(scope: Scope) -> Problem {
    let detail = format!("this client's key does not have the scope {scope}");
    Problem::new(FORBIDDEN, detail).challenge(Challenge::InsufficientScope(scope))
}

fn foreign_brand() -> Problem {
    let detail = format!(
        "this client may not act for the brand in {BRAND}; name one of its own, or leave the header out"
    );
    Problem::new(FOREIGN_BRAND, detail).challenge(Challenge::ForeignBrand)
}

fn too_many(wait: Duration) -> Problem {
    Problem::new(TOO_MANY_REQUESTS, "this client sends more requests per second than it may")
        .retry_after(wait)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::response::IntoResponse;
    use oss_core::access::KeyDigest;

    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        let values = values.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_static(value)));
        values.collect()
    }

    #[test]
    fn a_key_is_sent_once_and_as_a_bearer_token() {
        assert_eq!(bearer_key(&headers(&["Bearer k"])).unwrap(), "k");
        assert_eq!(bearer_key(&headers(&["bEARER k"])).unwrap(), "k");
        for wrong in [&[][..], &["Bearer"], &["Basic k"], &["k"], &["Bearer k", "Bearer k"]] {
            assert!(bearer_key(&headers(wrong)).is_err(), "{wrong:?}");
        }
    }

    fn clients(names: &[&str]) -> Clients {
        let client = |name: &&str| {
            let scopes = vec![Scope::NumbersRead];
            Client::new(name.parse().unwrap(), KeyDigest::of(name), scopes, "acme".parse().unwrap())
        };
        names.iter().map(client).collect()
    }

    fn access(names: &[&str]) -> Access {
        let share = "50".parse().unwrap();
        let (requests_per_second, concurrent_requests) = (NonZeroU32::MAX, 4);
        Access::clients(clients(names), ClientLimits { requests_per_second, concurrent_requests, share })
    }

    fn ask(access: &Access, authorization: &'static str) -> Result<Option<Slot>, u16> {
        let admitted = access.admit(&headers(&[authorization]), Scope::NumbersRead);
        admitted.map(|(_, slot)| slot).map_err(|problem| problem.into_response().status().as_u16())
    }

    #[test]
    fn a_client_has_its_share_of_the_requests_at_a_time() {
        let access = access(&["a", "b"]);
        let slots = [ask(&access, "Bearer a").unwrap(), ask(&access, "Bearer a").unwrap()];
        assert_eq!(ask(&access, "Bearer a").unwrap_err(), 429);
        assert!(ask(&access, "Bearer b").is_ok());
        drop(slots);
        assert!(ask(&access, "Bearer a").is_ok());
    }

    #[test]
    fn the_only_client_has_everything_until_another_comes() {
        let access = access(&["a"]);
        let _slots: Vec<_> = (0..10).map(|_| ask(&access, "Bearer a").unwrap()).collect();
        access.replace(clients(&["a", "b"]));
        let _slots = [ask(&access, "Bearer a").unwrap(), ask(&access, "Bearer a").unwrap()];
        assert_eq!(ask(&access, "Bearer a").unwrap_err(), 429);
        access.replace(clients(&["c", "a"]));
        assert_eq!(ask(&access, "Bearer a").unwrap_err(), 429, "its requests go on, and count");
    }

    #[test]
    fn a_client_over_its_rate_learns_when_to_repeat() {
        let access = Access::anyone(NonZeroU32::MIN).unwrap();
        let ask = || access.admit(&HeaderMap::new(), Scope::NumbersRead);
        assert!(ask().is_ok());
        let refused = ask().unwrap_err();
        assert_eq!(refused, too_many(Duration::from_secs(1)));
    }
}

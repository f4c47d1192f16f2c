//! The keys that open the service, and how much each client may ask for.

use std::num::NonZeroU32;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::http::{HeaderMap, header};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use oss_core::access::{ANYONE, Client, ClientLimit, Clients, Scope, Share};
use oss_core::{ClientName, Error, Malformed};

use super::Caller;
use super::places::{Counts, Place};
use crate::problem::{Challenge, FORBIDDEN, Problem, TOO_MANY_REQUESTS, UNAUTHENTICATED};

/// Who may call, and how often.
#[derive(Debug)]
pub struct Access {
    admission: ArcSwap<Admission>,
    /// Outlives the clients it counts for, so that keys read again do not give anyone a fresh start.
    rates: DefaultKeyedRateLimiter<ClientName>,
    /// How many requests one of several clients may have under way.
    requests: usize,
}

/// How much one client may ask for.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ClientLimits {
    /// How many requests of it are served in a second.
    pub requests_per_second: NonZeroU32,
    /// How many requests are served at the same time, of all clients together.
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

#[derive(Debug)]
enum Admission {
    Anyone(Caller),
    Clients(Clients, Counts),
}

impl Admission {
    /// These clients, of which those that were there `before` go on with what they have under way.
    fn of(clients: Clients, before: &Counts) -> Self {
        clients.names().for_each(ClientLimit::begin_counts);
        let counts = Counts::of(&clients, before);
        Self::Clients(clients, counts)
    }
}

impl Access {
    /// Anyone who reaches the server may do everything.
    ///
    /// # Errors
    ///
    /// Never: the name it gives them is well formed.
    pub fn anyone(requests_per_second: NonZeroU32) -> Result<Self, Malformed> {
        let caller = Caller { name: ANYONE.parse()?, brand: None, has_others: false };
        ClientLimit::begin_counts(&caller.name);
        Ok(Self::new(Admission::Anyone(caller), requests_per_second, usize::MAX))
    }

    /// Clients alone, each as far as its scopes go.
    #[must_use]
    pub fn clients(clients: Clients, limits: ClientLimits) -> Self {
        let ClientLimits { requests_per_second, concurrent_requests, share } = limits;
        let admission = Admission::of(clients, &Counts::default());
        Self::new(admission, requests_per_second, share.of(concurrent_requests))
    }

    fn new(admission: Admission, requests_per_second: NonZeroU32, requests: usize) -> Self {
        let rates = RateLimiter::keyed(Quota::per_second(requests_per_second));
        Self { admission: ArcSwap::from_pointee(admission), rates, requests }
    }

    /// Whether callers show keys.
    pub(crate) fn has_keys(&self) -> bool {
        matches!(&**self.admission.load(), Admission::Clients(..))
    }

    /// From now on these clients alone; requests that were admitted go on.
    pub fn replace(&self, clients: Clients) {
        let before = self.admission.load();
        let nothing = Counts::default();
        let counts = if let Admission::Clients(_, counts) = &**before { counts } else { &nothing };
        self.admission.store(Admission::of(clients, counts).into());
    }

    /// The caller, if it may do what the scope names and takes no more than it may, and the place of its request.
    pub(super) fn admit(
        &self,
        headers: &HeaderMap,
        scope: Scope,
    ) -> Result<(Caller, Option<Place>), Problem> {
        let admission = self.admission.load();
        let (clients, counts) = match &**admission {
            Admission::Anyone(caller) => {
                self.check_rate(&caller.name)?;
                return Ok((caller.clone(), None));
            }
            Admission::Clients(clients, counts) => (clients, counts),
        };
        let client = recognise(clients, headers, scope)?;
        self.check_rate(&client.name)?;
        // There is nobody to be protected from the only one.
        let has_others = clients.len() > 1;
        let place = if has_others { Some(self.place(counts, &client.name)?) } else { None };
        Ok((Caller::new(client, has_others), place))
    }

    fn check_rate(&self, client: &ClientName) -> Result<(), Problem> {
        self.rates.check_key(client).map_err(|until| {
            ClientLimit::Rate.count_refusal(client);
            too_many(until.wait_time_from(DefaultClock::default().now()))
        })
    }

    fn place(&self, counts: &Counts, client: &ClientName) -> Result<Place, Problem> {
        counts.take(client, self.requests).ok_or_else(|| {
            ClientLimit::Requests.count_refusal(client);
            Error::ClientShareExceeded { limit: ClientLimit::Requests }.into()
        })
    }
}

/// The client whose key a request shows, if it may do what the scope names.
fn recognise<'a>(clients: &'a Clients, headers: &HeaderMap, scope: Scope) -> Result<&'a Client, Problem> {
    let presented = presented(headers)?;
    let client = clients
        .holder(presented)
        .ok_or_else(|| unauthenticated("no client has this key").challenge(Challenge::InvalidToken))?;
    if client.may(scope) { Ok(client) } else { Err(forbidden(scope)) }
}

/// The key of `Authorization: Bearer KEY` (RFC 6750, 2.1).
fn presented(headers: &HeaderMap) -> Result<&str, Problem> {
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

fn forbidden(scope: Scope) -> Problem {
    let detail = format!("this client's key does not have the scope {scope}");
    Problem::new(FORBIDDEN, detail).challenge(Challenge::InsufficientScope(scope))
}

fn too_many(wait: Duration) -> Problem {
    Problem::new(TOO_MANY_REQUESTS, "this client asks more often than it may").retry_after(wait)
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
        assert_eq!(presented(&headers(&["Bearer k"])).unwrap(), "k");
        assert_eq!(presented(&headers(&["bEARER k"])).unwrap(), "k");
        for wrong in [&[][..], &["Bearer"], &["Basic k"], &["k"], &["Bearer k", "Bearer k"]] {
            assert!(presented(&headers(wrong)).is_err(), "{wrong:?}");
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

    fn ask(access: &Access, authorization: &'static str) -> Result<Option<Place>, u16> {
        let admitted = access.admit(&headers(&[authorization]), Scope::NumbersRead);
        admitted.map(|(_, place)| place).map_err(|problem| problem.into_response().status().as_u16())
    }

    #[test]
    fn a_client_has_its_share_of_the_requests_at_a_time() {
        let access = access(&["a", "b"]);
        let places = [ask(&access, "Bearer a").unwrap(), ask(&access, "Bearer a").unwrap()];
        assert_eq!(ask(&access, "Bearer a").unwrap_err(), 429);
        assert!(ask(&access, "Bearer b").is_ok());
        drop(places);
        assert!(ask(&access, "Bearer a").is_ok());
    }

    #[test]
    fn the_only_client_has_everything_until_another_comes() {
        let access = access(&["a"]);
        let _places: Vec<_> = (0..10).map(|_| ask(&access, "Bearer a").unwrap()).collect();
        access.replace(clients(&["a", "b"]));
        let _places = [ask(&access, "Bearer a").unwrap(), ask(&access, "Bearer a").unwrap()];
        assert_eq!(ask(&access, "Bearer a").unwrap_err(), 429);
        access.replace(clients(&["c", "a"]));
        assert_eq!(ask(&access, "Bearer a").unwrap_err(), 429, "its requests go on, and count");
    }

    #[test]
    fn who_asks_too_often_is_told_when_to_come_back() {
        let access = Access::anyone(NonZeroU32::MIN).unwrap();
        let ask = || access.admit(&HeaderMap::new(), Scope::NumbersRead);
        assert!(ask().is_ok());
        let refused = ask().unwrap_err();
        assert_eq!(refused, too_many(Duration::from_secs(1)));
    }
}

//! The keys that open the service, and how often each client may ask.

use std::num::NonZeroU32;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::http::{HeaderMap, StatusCode, header};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use oss_core::access::{ANYONE, Clients, Scope};
use oss_core::{ClientName, Malformed};

use super::Caller;
use crate::problem::{Challenge, Problem};

/// Who may call, and how often.
#[derive(Debug)]
pub struct Access {
    admission: ArcSwap<Admission>,
    /// Outlives the clients it counts for, so that keys read again do not give anyone a fresh start.
    rates: DefaultKeyedRateLimiter<ClientName>,
}

#[derive(Debug)]
enum Admission {
    Anyone(Caller),
    Clients(Clients),
}

impl Access {
    /// Anyone who reaches the server may do everything.
    ///
    /// # Errors
    ///
    /// Never: the name it gives them is well formed.
    pub fn anyone(requests_per_second: NonZeroU32) -> Result<Self, Malformed> {
        let caller = Caller { name: ANYONE.parse()?, brand: None };
        Ok(Self::new(Admission::Anyone(caller), requests_per_second))
    }

    /// Clients alone, each as far as its scopes go.
    #[must_use]
    pub fn clients(clients: Clients, requests_per_second: NonZeroU32) -> Self {
        Self::new(Admission::Clients(clients), requests_per_second)
    }

    fn new(admission: Admission, requests_per_second: NonZeroU32) -> Self {
        let rates = RateLimiter::keyed(Quota::per_second(requests_per_second));
        Self { admission: ArcSwap::from_pointee(admission), rates }
    }

    /// Whether callers show keys.
    pub(crate) fn has_keys(&self) -> bool {
        matches!(&**self.admission.load(), Admission::Clients(_))
    }

    /// From now on these clients alone; requests that were admitted go on.
    pub fn replace(&self, clients: Clients) {
        self.admission.store(Admission::Clients(clients).into());
    }

    /// The caller, where it may do what the scope names and has not asked too often.
    pub(crate) fn admit(&self, headers: &HeaderMap, scope: Scope) -> Result<Caller, Problem> {
        let caller = self.recognise(headers, scope)?;
        self.rates.check_key(&caller.name).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            too_many(wait)
        })?;
        Ok(caller)
    }

    fn recognise(&self, headers: &HeaderMap, scope: Scope) -> Result<Caller, Problem> {
        let admission = self.admission.load();
        let clients = match &**admission {
            Admission::Anyone(caller) => return Ok(caller.clone()),
            Admission::Clients(clients) => clients,
        };
        let presented = presented(headers)?;
        let client = clients
            .holder(presented)
            .ok_or_else(|| unauthenticated("no client has this key").challenge(Challenge::InvalidToken))?;
        if client.may(scope) { Ok(client.into()) } else { Err(forbidden(scope)) }
    }
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
    Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail).challenge(Challenge::NoToken)
}

fn forbidden(scope: Scope) -> Problem {
    let detail = format!("this client's key does not have the scope {scope}");
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail).challenge(Challenge::InsufficientScope(scope))
}

fn too_many(wait: Duration) -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-requests",
        "this client asks more often than it may",
    )
    .retry_after(wait)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

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

    #[test]
    fn who_asks_too_often_is_told_when_to_come_back() {
        let access = Access::anyone(NonZeroU32::MIN).unwrap();
        let ask = || access.admit(&HeaderMap::new(), Scope::NumbersRead);
        assert!(ask().is_ok());
        let refused = ask().unwrap_err();
        assert_eq!(refused, too_many(Duration::from_secs(1)));
    }
}

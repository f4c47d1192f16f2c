//! The `Idempotency-Key` of a request (draft-ietf-httpapi-idempotency-key-header).

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use oss_core::{ClientName, IdempotencyKey, Malformed};

use crate::access::Caller;
use crate::problem::{Fault, Problem};

const NAME: &str = "Idempotency-Key";

/// The key of a request, if the caller gave one.
pub(crate) struct Key(pub(crate) Option<IdempotencyKey>);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let client = &Caller::of(parts)?.name;
        read(&parts.headers, client).map(Self).map_err(|Malformed { expected }| {
            Problem::malformed(vec![Fault { field: NAME.to_owned(), expected: expected.to_owned() }])
        })
    }
}

fn read(headers: &HeaderMap, client: &ClientName) -> Result<Option<IdempotencyKey>, Malformed> {
    let mut given = headers.get_all(NAME).iter();
    let Some(value) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(Malformed { expected: "one key, not several" });
    }
    // The draft writes the key as a quoted string; most callers send it bare. Both forms name one key.
    let text = value.to_str().unwrap_or_default();
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if bare.contains('"') {
        return Err(Malformed { expected: "a key without quotes, or between two" });
    }
    IdempotencyKey::new(client.clone(), bare).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(values: &[&'static str]) -> Result<Option<IdempotencyKey>, Malformed> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(NAME, axum::http::HeaderValue::from_static(value));
        }
        read(&headers, &"acme".parse().unwrap())
    }

    #[test]
    fn a_key_may_be_quoted_and_there_is_one_at_most() {
        assert_eq!(keys(&[]).unwrap(), None);
        assert_eq!(keys(&["\"a-1\""]).unwrap(), keys(&["a-1"]).unwrap());
        for wrong in [&["a", "a"][..], &[""], &["\"\""], &["\""], &["a\"b"], &["\"\"a\"\""], &["a b"]] {
            assert!(keys(wrong).is_err(), "{wrong:?}");
        }
    }
}

//! Calls that a client may repeat without a second effect, because it gave them a key.
//!
//! The key is stored on the row that the call created, so that it ends with that row; no cache decides. The semantics are those
//! of draft-ietf-httpapi-idempotency-key-header: a repeated call gets the same answer, and another body under the same key is
//! refused.

use std::fmt;

use super::ids::ClientName;
use super::msisdn::Malformed;

/// A key that a client chose to identify a call. Two clients may choose the same text: each has keys of its own.
///
/// ```
/// use oss_core::IdempotencyKey;
///
/// let key = IdempotencyKey::new("acquisition".parse()?, "order-4711")?;
/// assert_eq!(key.text(), "order-4711");
/// assert!(IdempotencyKey::new("acquisition".parse()?, "").is_err());
/// # Ok::<(), oss_core::Malformed>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    client: ClientName,
    text: Box<str>,
}

impl IdempotencyKey {
    /// The key `text` of a client: 1 to 255 visible ASCII characters.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for any other text.
    pub fn new(client: ClientName, text: &str) -> Result<Self, Malformed> {
        if (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self { client, text: text.into() })
        } else {
            Err(Malformed { expected: "a key of 1 to 255 visible ASCII characters" })
        }
    }

    /// The client that chose it.
    #[must_use]
    pub fn client(&self) -> &ClientName {
        &self.client
    }

    /// The text of the key.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A client may have made its key of a phone number, so it is not shown.
impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyKey").field("client", &self.client).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_ascii_of_a_bounded_length() {
        let key = |text: &str| IdempotencyKey::new("acme".parse().unwrap(), text);
        let long = "x".repeat(256);
        for text in ["", "a b", "ã", "a\r\nb", long.as_str()] {
            assert!(key(text).is_err(), "{text:?}");
        }
        assert!(key(&long[..255]).is_ok());
    }

    #[test]
    fn a_key_is_its_clients_and_is_not_shown() {
        let key = IdempotencyKey::new("acme".parse().unwrap(), "11999950001").unwrap();
        assert_eq!((key.client().as_str(), key.text()), ("acme", "11999950001"));
        assert_eq!(format!("{key:?}"), r#"IdempotencyKey { client: ClientName("acme"), .. }"#);
    }
}

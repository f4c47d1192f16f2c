//! The secrets of webhooks, and the signatures that they make.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

use crate::domain::Malformed;

/// The beginning of the text of a secret (Standard Webhooks 1.0, "Signature scheme").
const PREFIX: &str = "whsec_";

/// The lengths that the standard allows, in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret that its webhook's receiver has too.
#[derive(Clone)]
pub struct WebhookSecret(SecretSlice<u8>);

/// Compares the secrets of two versions of a configuration. A signature is compared by its receiver.
impl PartialEq for WebhookSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

impl FromStr for WebhookSecret {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let bytes = text.strip_prefix(PREFIX).and_then(|base64| STANDARD.decode(base64).ok());
        let bytes = bytes.filter(|bytes| LENGTHS.contains(&bytes.len()));
        bytes
            .map(|bytes| Self(bytes.into()))
            .ok_or(Malformed { expected: "whsec_ and the Base64 of 24 to 64 random bytes" })
    }
}

impl WebhookSecret {
    /// The signature of a message: `v1,` and the Base64 of an HMAC-SHA256 over its id, its time in seconds and its body.
    pub(super) fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        // An HMAC has a key of any length.
        let mut hmac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).expect("a key of any length");
        hmac.update(format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(hmac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the standard's own libraries.
    #[test]
    fn a_signature_is_that_of_the_standard() {
        let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_has_a_prefix_and_a_length_and_is_not_shown() {
        for text in [
            "",
            "whsec_",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_c2hvcnQ=",
            "whsec_?",
            &format!("whsec_{}", STANDARD.encode([7; 65])),
        ] {
            assert!(text.parse::<WebhookSecret>().is_err(), "{text}");
        }
        let secret: WebhookSecret = format!("whsec_{}", STANDARD.encode([7; 64])).parse().unwrap();
        assert_eq!(format!("{secret:?}"), "WebhookSecret");
    }
}

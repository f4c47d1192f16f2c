//! The keys that identify clients. The service keeps their digests, never the keys.
//!
//! A key has 256 random bits. So a plain SHA-256 of it can be kept: nobody can guess a key, and a slow hash would protect
//! nothing.

use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::domain::Malformed;

/// Every key begins with this, so that a scanner for leaked secrets can recognise one.
const PREFIX: &str = "oss_";

/// A client's key: 256 random bits. Its `Debug` does not show it.
#[derive(Debug, Clone)]
pub struct ClientKey(SecretString);

/// The machine gave no random bits.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bits for a key")]
pub struct NoRandomness;

impl ClientKey {
    /// Generates a key.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] if the operating system gives no random bits.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bits = [0; 32];
        getrandom::fill(&mut bits).map_err(|_| NoRandomness)?;
        Ok(Self(format!("{PREFIX}{}", hex::encode(bits)).into()))
    }

    /// Whether a text has the form of a generated key.
    pub(crate) fn is_well_formed(text: &str) -> bool {
        let digits = text.strip_prefix(PREFIX).unwrap_or_default();
        digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    }

    /// The key itself, to be shown once to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The digest that the service keeps of it.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(self.expose())
    }
}

/// The SHA-256 of a key: written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The digest of a text that may be a key.
    #[must_use]
    pub fn of(presented: &str) -> Self {
        Self(Sha256::digest(presented).into())
    }
}

impl ConstantTimeEq for KeyDigest {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl FromStr for KeyDigest {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut digest = [0; 32];
        let expected = "the SHA-256 of a key, as 64 hexadecimal digits";
        hex::decode_to_slice(text, &mut digest).map_err(|_| Malformed { expected })?;
        Ok(Self(digest))
    }
}

impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Does not show the digest: it opens nothing, but it would identify the client.
impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_what_sha256sum_prints() {
        let digest = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
        assert_eq!(KeyDigest::of("hello world").to_string(), digest);
        assert_eq!(digest.to_uppercase().parse(), Ok(KeyDigest::of("hello world")));
        for text in ["", &digest[1..], &format!("{digest}0"), &digest.replace('b', "g"), &"é".repeat(32)] {
            assert!(text.parse::<KeyDigest>().is_err(), "{text}");
        }
    }

    #[test]
    fn keys_differ_and_do_not_show() {
        let (one, other) = (ClientKey::generate().unwrap(), ClientKey::generate().unwrap());
        assert!(one.expose().len() == 68 && one.expose() != other.expose());
        assert!(!format!("{one:?} {:?}", one.digest()).contains(&one.expose()[8..]));
        assert!(!format!("{:?}", one.digest()).contains(&one.digest().to_string()[..8]));
    }
}

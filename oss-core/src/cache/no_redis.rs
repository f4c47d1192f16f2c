//! Redis in a program that is built without the feature `redis`: every URL is refused, so there is no cache of this kind.

#![expect(clippy::unused_async, reason = "the methods take the place of ones that wait")]

use std::time::Duration;

use secrecy::SecretString;

const NOT_BUILT_IN: &str = "no Redis, because this program is built without it";

/// The address of Redis. It is wrapped, because it may carry a password.
#[derive(Debug, Clone)]
pub struct RedisUrl(pub SecretString);

/// A URL of Redis, which a program that is built without Redis cannot use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the URL of Redis cannot be used; expected {0}")]
pub struct RedisUrlError(&'static str);

/// A cache that several servers share. This program is built without it.
#[derive(Debug, Clone)]
pub enum RedisCache {}

/// A deployment of Redis, which this program cannot use.
pub(crate) struct Deployment;

impl Deployment {
    pub(crate) fn at(_: &str) -> Result<Self, &'static str> {
        Err(NOT_BUILT_IN)
    }
}

impl RedisCache {
    /// Refuses every URL.
    ///
    /// # Errors
    ///
    /// [`RedisUrlError`] always.
    pub fn new(_: &RedisUrl) -> Result<Self, RedisUrlError> {
        Err(RedisUrlError(NOT_BUILT_IN))
    }

    pub(super) async fn get(&self, _: &str) -> Option<String> {
        match *self {}
    }

    pub(super) async fn set(&self, _: &str, _: String, _: Duration) {
        match *self {}
    }
}

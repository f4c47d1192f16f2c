//! Redis in a program that is built without the feature `redis`: every URL is refused, so there is no cache of this kind.

#![expect(clippy::unused_async, reason = "the methods take the place of ones that wait")]

use std::time::Duration;

use super::{RedisUrl, RedisUrlError};

const NOT_BUILT_IN: &str = "no Redis, because this program is built without it";

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

    /// Never called.
    ///
    /// # Errors
    ///
    /// Never.
    pub async fn ping(&self) -> Result<(), String> {
        match *self {}
    }

    pub(crate) async fn check(&self) {
        match *self {}
    }

    pub(crate) fn is_up(&self) -> bool {
        match *self {}
    }

    pub(super) async fn get(&self, _: &str) -> Option<String> {
        match *self {}
    }

    pub(super) async fn set(&self, _: &str, _: String, _: Duration) {
        match *self {}
    }
}

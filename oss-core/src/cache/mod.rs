//! Caches answers that are read far more often than they change: in memory, then in Redis, before the source is asked.
//!
//! The cache does not know what it keeps. Both tiers are optional: if one fails, the next one is asked.

#[cfg_attr(not(feature = "redis"), path = "no_redis.rs")]
mod redis;

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use metrics::{Counter, counter};
use moka::Expiry;
use moka::future::Cache;
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::redis::Deployment;
pub use self::redis::RedisCache;
use crate::domain::InstallationId;
use crate::telemetry::names::CACHE_LOOKUPS;

/// The address of Redis. It is a secret, because it may carry a password.
#[derive(Debug, Clone)]
pub struct RedisUrl(pub SecretString);

/// The URL is not one of Redis. The text says what is expected and leaves the URL out, because it may carry a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the URL of Redis cannot be used; expected {0}")]
pub struct RedisUrlError(&'static str);

/// The times for which an answer is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    /// In the memory of this instance.
    pub(crate) memory: Duration,
    /// In Redis, for every instance.
    pub(crate) redis: Duration,
}

impl Keep {
    /// For answers that another instance may change meanwhile.
    const BRIEFLY: Self = Self { memory: Duration::from_mins(1), redis: Duration::from_hours(1) };
}

/// At most this many answers are kept in memory.
const CAPACITY: u64 = 10_000;

/// The answers to one kind of question.
pub(crate) struct Lookups<K, V> {
    name: &'static str,
    memory: Cache<K, V>,
    redis: Option<RedisCache>,
    keep: fn(&V) -> Keep,
    in_memory: TierCounters,
    in_redis: TierCounters,
}

/// The counters of one tier. Each series is looked up once, because almost every request asks the memory tier.
struct TierCounters {
    lookup: &'static str,
    tier: &'static str,
    hits: OnceLock<Counter>,
    misses: OnceLock<Counter>,
}

impl TierCounters {
    fn new(lookup: &'static str, tier: &'static str) -> Self {
        Self { lookup, tier, hits: OnceLock::new(), misses: OnceLock::new() }
    }

    fn count(&self, hit: bool) {
        let (series, result) = if hit { (&self.hits, "hit") } else { (&self.misses, "miss") };
        let series = series.get_or_init(
            || counter!(CACHE_LOOKUPS, "lookup" => self.lookup, "tier" => self.tier, "result" => result),
        );
        series.increment(1);
    }
}

/// Lets an answer expire in memory after the time that the function gives it.
struct ByAnswer<V>(fn(&V) -> Keep);

impl<K, V> Expiry<K, V> for ByAnswer<V> {
    fn expire_after_create(&self, _: &K, answer: &V, _: Instant) -> Option<Duration> {
        Some((self.0)(answer).memory)
    }
}

impl<K, V> fmt::Debug for Lookups<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookups").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<K, V> Lookups<K, V>
where
    K: Hash + Eq + Clone + fmt::Display + Send + Sync + 'static,
    V: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Creates an empty cache. `name` separates its answers from others in Redis.
    pub(crate) fn new(name: &'static str, redis: Option<RedisCache>) -> Self {
        Self::with_keep(name, redis, |_| Keep::BRIEFLY)
    }

    /// Creates an empty cache in which `keep` decides for each answer how long it is kept.
    pub(crate) fn with_keep(name: &'static str, redis: Option<RedisCache>, keep: fn(&V) -> Keep) -> Self {
        let memory = Cache::builder().expire_after(ByAnswer(keep)).max_capacity(CAPACITY).build();
        let (in_memory, in_redis) = (TierCounters::new(name, "memory"), TierCounters::new(name, "redis"));
        Self { name, memory, redis, keep, in_memory, in_redis }
    }

    /// Counts a hit in a memory that the caller has in front of this one.
    pub(crate) fn count_hit(&self) {
        self.in_memory.count(true);
    }

    /// Returns the answer for `key` in a database. Callers that ask at the same time share one look-up. Errors are not kept.
    ///
    /// Redis may serve several installations, so the key there names the database.
    pub(crate) async fn get_or_load<F, E>(
        &self,
        installation: InstallationId,
        key: K,
        load: impl FnOnce() -> F,
    ) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>>,
        E: Clone + Send + Sync + 'static,
    {
        // The futures of the cache are large. They are boxed, so that the futures that contain them stay small.
        let cached = Box::pin(self.memory.get(&key)).await;
        self.in_memory.count(cached.is_some());
        if let Some(cached) = cached {
            return Ok(cached);
        }
        let answer = self.redis_or(installation, &key, load);
        let answer = Box::pin(self.memory.try_get_with(key.clone(), answer));
        answer.await.map_err(|error: Arc<E>| E::clone(&error))
    }

    async fn redis_or<F, E>(
        &self,
        installation: InstallationId,
        key: &K,
        load: impl FnOnce() -> F,
    ) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>>,
    {
        let Some(redis) = &self.redis else { return load().await };
        let key = format!("oss:{installation}:{}:{key}", self.name);
        // A text that cannot be read comes from another version, so it counts as absent.
        let cached = redis.get(&key).await.and_then(|text| serde_json::from_str(&text).ok());
        self.in_redis.count(cached.is_some());
        if let Some(cached) = cached {
            return Ok(cached);
        }
        let loaded = load().await?;
        if let Ok(text) = serde_json::to_string(&loaded) {
            redis.set(&key, text, (self.keep)(&loaded).redis).await;
        }
        Ok(loaded)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn here() -> InstallationId {
        uuid::Uuid::nil().into()
    }

    #[tokio::test]
    async fn callers_at_the_same_time_share_one_look_up() {
        let (lookups, loads) = (Arc::new(Lookups::<u8, bool>::new("t", None)), Arc::new(AtomicUsize::new(0)));
        let (open, gate) = tokio::sync::watch::channel(false);
        let callers: Vec<_> = (0..50)
            .map(|_| {
                let (lookups, loads, mut gate) = (lookups.clone(), loads.clone(), gate.clone());
                tokio::spawn(async move {
                    let load = move || async move {
                        loads.fetch_add(1, Ordering::SeqCst);
                        gate.wait_for(|open| *open).await.unwrap();
                        Ok::<_, ()>(false)
                    };
                    lookups.get_or_load(here(), 11, load).await
                })
            })
            .collect();
        tokio::task::yield_now().await;
        open.send(true).unwrap();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), Ok(false));
        }
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        // A negative answer is kept too.
        let again = lookups.get_or_load(here(), 11, || async { Err("asked again") }).await;
        assert_eq!(again, Ok(false));
    }

    #[tokio::test]
    async fn an_answer_is_kept_for_as_long_as_it_says() {
        let keep = |known: &bool| Keep {
            memory: if *known { Duration::from_mins(1) } else { Duration::ZERO },
            redis: Duration::ZERO,
        };
        let lookups = Lookups::<u8, bool>::with_keep("t", None, keep);
        for (key, again) in [(1, true), (0, true)] {
            lookups.get_or_load(here(), key, || async { Ok::<_, ()>(key == 1) }).await.unwrap();
            assert_eq!(lookups.get_or_load(here(), key, || async { Ok::<_, ()>(true) }).await, Ok(again));
        }
    }

    #[tokio::test]
    async fn an_error_is_not_kept() {
        let lookups = Lookups::<u8, bool>::new("t", None);
        assert_eq!(lookups.get_or_load(here(), 11, || async { Err("down") }).await, Err("down"));
        assert_eq!(lookups.get_or_load(here(), 11, || async { Ok::<_, &str>(true) }).await, Ok(true));
    }
}

//! Redis, as a cache that may be gone at any time.
//!
//! Nothing but copies is kept here: no lock, no lease. Every command is bounded in time, and after one that failed Redis is
//! left alone for a moment, so that an outage costs next to nothing and is told once.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, RedisError};
use secrecy::ExposeSecret;

use crate::config::RedisUrl;
use crate::error::StartError;
use crate::outage::Outage;

/// The longest that Redis itself may take to connect or to answer. The crate's defaults stall for seconds.
const ANSWER: Duration = Duration::from_millis(100);

/// The longest that a command may take, a second try included.
const COMMAND: Duration = Duration::from_millis(150);

/// How long Redis is left alone after a command that failed.
const PAUSE: Duration = Duration::from_secs(2);

/// A cache that several servers share. Cheap to clone.
#[derive(Clone)]
pub struct RedisCache {
    shared: Arc<Shared>,
}

struct Shared {
    client: redis::Client,
    /// Made at the first command, and anew after one that failed: a manager does not reconnect after a time-out, so that a
    /// peer which vanished would be waited for by every command.
    manager: Mutex<Option<ConnectionManager>>,
    outage: Outage,
}

impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCache").field("outage", &self.shared.outage).finish_non_exhaustive()
    }
}

impl RedisCache {
    /// A cache at `url`. Opens no connection yet.
    ///
    /// # Errors
    ///
    /// [`StartError::Redis`] where the URL is not one of Redis.
    pub fn new(url: &RedisUrl) -> Result<Self, StartError> {
        let client = redis::Client::open(url.0.expose_secret())
            .map_err(|error| StartError::Redis(error.category().to_owned()))?;
        let shared = Shared { client, manager: Mutex::new(None), outage: Outage::new(PAUSE) };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The text under a key; none where there is none, or Redis does not answer in time.
    pub(super) async fn get(&self, key: &str) -> Option<String> {
        self.ask(|mut manager| async move { manager.get::<_, Option<String>>(key).await }).await.flatten()
    }

    /// Keeps a text under a key for a while, if Redis can.
    pub(super) async fn set(&self, key: &str, text: String, keep: Duration) {
        self.ask(|mut manager| async move { manager.set_ex::<_, _, ()>(key, text, keep.as_secs()).await })
            .await;
    }

    async fn ask<T, F>(&self, command: impl FnOnce(ConnectionManager) -> F) -> Option<T>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        if self.shared.outage.is_pausing() {
            return None;
        }
        let answer = async { command(self.manager()?).await };
        match tokio::time::timeout(COMMAND, answer).await {
            Ok(Ok(value)) => {
                self.answered();
                Some(value)
            }
            Ok(Err(error)) => self.failed(error.category()),
            Err(_) => self.failed("no answer in time"),
        }
    }

    fn manager(&self) -> Result<ConnectionManager, RedisError> {
        let mut kept = lock(&self.shared.manager);
        if let Some(manager) = &*kept {
            return Ok(manager.clone());
        }
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(50))
            .set_connection_timeout(Some(ANSWER))
            .set_response_timeout(Some(ANSWER));
        let manager = ConnectionManager::new_lazy_with_config(self.shared.client.clone(), config)?;
        Ok(kept.insert(manager).clone())
    }

    fn answered(&self) {
        if self.shared.outage.answered() {
            tracing::info!("Redis answers again.");
        }
    }

    fn failed<T>(&self, reason: &str) -> Option<T> {
        *lock(&self.shared.manager) = None;
        if self.shared.outage.failed() {
            tracing::warn!(reason, "Redis does not answer; look-ups go to the database meanwhile.");
        }
        None
    }
}

/// What is behind the lock is replaced whole, so it is whole also where a thread panicked while it held it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::instrument::WithSubscriber;
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

    use super::*;

    /// Counts the warnings it sees.
    #[derive(Clone, Default)]
    struct Warnings(Arc<AtomicUsize>);

    impl<S: tracing::Subscriber> Layer<S> for Warnings {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            if *event.metadata().level() == tracing::Level::WARN {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    async fn asked_often(address: std::net::SocketAddr) -> usize {
        let warnings = Warnings::default();
        let cache = RedisCache::new(&RedisUrl(format!("redis://{address}").into())).unwrap();
        let asked = async {
            for _ in 0..5 {
                assert_eq!(cache.get("k").await, None);
                cache.set("k", "v".to_owned(), Duration::from_secs(1)).await;
            }
        };
        asked.with_subscriber(tracing_subscriber::registry().with(warnings.clone())).await;
        warnings.0.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn a_redis_that_is_not_there_is_told_once() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let closed = listener.local_addr().unwrap();
        drop(listener);
        assert_eq!(asked_often(closed).await, 1);
    }

    #[tokio::test]
    async fn a_redis_that_never_answers_is_told_once() {
        let frozen = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(asked_often(frozen.local_addr().unwrap()).await, 1);
    }
}

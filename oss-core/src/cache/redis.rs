//! Redis, as a cache that may be gone at any time.
//!
//! Nothing but copies is kept here: no lock, no lease. Every command is bounded in time, and after one that failed Redis is
//! left alone for a moment, so that an outage costs next to nothing and is told once.

mod deployment;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use redis::{Cmd, FromRedisValue, RedisError};
use secrecy::{ExposeSecret, SecretString};

pub(crate) use self::deployment::Deployment;
use self::deployment::Link;
use crate::outage::Outage;

/// The longest that a command may take, a second try included.
const COMMAND: Duration = Duration::from_millis(150);

/// The longest that opening a link may take. It may go on after the command that asked for it: a cluster, or a master that
/// sentinels have to be asked for, may take more than one command's time.
const OPEN: Duration = Duration::from_secs(2);

/// How long Redis is left alone after a command that failed.
const PAUSE: Duration = Duration::from_secs(2);

/// Where Redis is; wrapped, because it may carry a password.
#[derive(Debug, Clone)]
pub struct RedisUrl(pub SecretString);

/// A URL that is not one of Redis. Says what is expected and leaves the URL out, because it may carry a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the URL of Redis cannot be used; expected {0}")]
pub struct RedisUrlError(&'static str);

/// A cache that several servers share. Cheap to clone.
#[derive(Clone)]
pub struct RedisCache {
    shared: Arc<Inner>,
}

struct Inner {
    deployment: Arc<Deployment>,
    /// Opened at the first command, and anew after one that failed. By then a master may be another one and a cluster may
    /// have moved, and a peer that vanished would be waited for by every command.
    link: Mutex<Option<Opening>>,
    outage: Outage,
}

/// A link, once it is open. Commands that ask at the same time share one.
type Opening = Shared<BoxFuture<'static, Result<Link, Arc<RedisError>>>>;

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
    /// [`RedisUrlError`] if the URL is not one of Redis.
    pub fn new(url: &RedisUrl) -> Result<Self, RedisUrlError> {
        let deployment = Deployment::at(url.0.expose_secret()).map_err(RedisUrlError)?;
        let (deployment, outage) = (Arc::new(deployment), Outage::new(PAUSE));
        Ok(Self { shared: Arc::new(Inner { deployment, link: Mutex::new(None), outage }) })
    }

    /// The text under a key; none where there is none, or Redis does not answer in time.
    pub(super) async fn get(&self, key: &str) -> Option<String> {
        self.ask::<Option<String>>(&Cmd::get(key)).await.flatten()
    }

    /// Keeps a text under a key for a while, if Redis can.
    pub(super) async fn set(&self, key: &str, text: String, keep: Duration) {
        self.ask::<()>(&Cmd::set_ex(key, text, keep.as_secs())).await;
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        if self.shared.outage.is_pausing() {
            return None;
        }
        match tokio::time::timeout(COMMAND, self.shared.answer(command)).await {
            Ok(Ok(value)) => {
                self.shared.answered();
                Some(value)
            }
            Ok(Err(error)) => self.shared.failed(error.category()),
            Err(_) => self.shared.failed("no answer in time"),
        }
    }
}

impl Inner {
    async fn answer<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Arc<RedisError>> {
        let answer = self.link().await?.ask(command).await;
        if !answer.as_ref().is_err_and(RedisError::is_connection_dropped) {
            return answer.map_err(Arc::new);
        }
        // Closed since it was last used, as by a server that was started again: no outage yet.
        self.close();
        self.link().await?.ask(command).await.map_err(Arc::new)
    }

    /// The link that there is, or else a new one.
    fn link(&self) -> Opening {
        let mut kept = lock(&self.link);
        if let Some(opening) = kept.as_ref().filter(|opening| !matches!(opening.peek(), Some(Err(_)))) {
            return opening.clone();
        }
        let deployment = self.deployment.clone();
        let opened = async move {
            let connected = tokio::time::timeout(OPEN, deployment.connect()).await;
            let late = |_| RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
            connected.map_err(late).flatten().map_err(Arc::new)
        };
        let opening = opened.boxed().shared();
        // Opens also where the command stops waiting for it.
        tokio::spawn(opening.clone());
        kept.insert(opening).clone()
    }

    /// Forgets the link, unless it is still being opened.
    fn close(&self) {
        lock(&self.link).take_if(|opening| opening.peek().is_some());
    }

    fn answered(&self) {
        if self.outage.answered() {
            tracing::info!("Redis answers again.");
        }
    }

    fn failed<T>(&self, reason: &str) -> Option<T> {
        self.close();
        if self.outage.failed() {
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

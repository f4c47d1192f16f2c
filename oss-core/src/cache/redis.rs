//! Redis as a cache, which may fail at any time.
//!
//! It keeps only copies: no lock, no lease. Every command has a time limit, and after a failed one no command is sent for
//! a while. So an outage costs little, and is logged once.

mod deployment;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use redis::{Cmd, FromRedisValue, RedisError};
use secrecy::ExposeSecret;

pub(crate) use self::deployment::Deployment;
use self::deployment::Link;
use super::{RedisUrl, RedisUrlError};
use crate::outage::Outage;

/// The longest time for a command, including a second try.
const COMMAND: Duration = Duration::from_millis(150);

/// The longest time to open a link. Opening continues after the command that started it has given up, because a cluster or a
/// master behind sentinels may take longer than a command.
const OPEN: Duration = Duration::from_secs(2);

/// The time for which no command is sent after one failed.
const PAUSE: Duration = Duration::from_secs(2);

/// The key that checks read. Nobody writes it.
const PING: &str = "oss:ping";

/// A cache that several servers share. It is cheap to clone.
#[derive(Clone)]
pub struct RedisCache {
    shared: Arc<Inner>,
}

struct Inner {
    deployment: Arc<Deployment>,
    /// Opened at the first command, and again after a failed one: the master may have changed or the cluster moved, and
    /// every command would wait for a peer that vanished.
    link: Mutex<Option<Opening>>,
    outage: Outage,
}

/// A link that is being opened or is open. Commands at the same time share it.
type Opening = Shared<BoxFuture<'static, Result<Link, Arc<RedisError>>>>;

impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCache").field("outage", &self.shared.outage).finish_non_exhaustive()
    }
}

impl RedisCache {
    /// Creates a cache at `url`. Opens no connection yet.
    ///
    /// # Errors
    ///
    /// [`RedisUrlError`] if the URL is not one of Redis.
    pub fn new(url: &RedisUrl) -> Result<Self, RedisUrlError> {
        let deployment = Deployment::at(url.0.expose_secret()).map_err(RedisUrlError)?;
        let (deployment, outage) = (Arc::new(deployment), Outage::new(PAUSE));
        Ok(Self { shared: Arc::new(Inner { deployment, link: Mutex::new(None), outage }) })
    }

    /// Reads a key as the cache does, but with more time, so that a person learns why Redis does not answer.
    ///
    /// # Errors
    ///
    /// The kind of the failure, in words.
    pub async fn ping(&self) -> Result<(), String> {
        let command = Cmd::get(PING);
        let answer = self.shared.answer::<Option<String>>(&command);
        match tokio::time::timeout(OPEN, answer).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.category().to_owned()),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }

    /// Asks Redis, so that [`is_up`](Self::is_up) is true to the moment although no look-up needed Redis.
    pub(crate) async fn check(&self) {
        // To open the link may take longer than a command. The command reports why it cannot be opened.
        let _ = self.shared.link().await;
        self.run::<Option<String>>(&Cmd::get(PING)).await;
    }

    /// Whether Redis answered the last command in time.
    pub(crate) fn is_up(&self) -> bool {
        self.shared.outage.is_over()
    }

    /// Reads the text under a key. Returns none if there is no text, or Redis does not answer in time.
    pub(super) async fn get(&self, key: &str) -> Option<String> {
        self.run::<Option<String>>(&Cmd::get(key)).await.flatten()
    }

    /// Stores a text under a key for a while, if Redis answers.
    pub(super) async fn set(&self, key: &str, text: String, keep: Duration) {
        self.run::<()>(&Cmd::set_ex(key, text, keep.as_secs())).await;
    }

    async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        if self.shared.outage.is_pausing() {
            return None;
        }
        match tokio::time::timeout(COMMAND, self.shared.answer(command)).await {
            Ok(Ok(value)) => {
                self.shared.record_answer();
                Some(value)
            }
            Ok(Err(error)) => self.shared.record_failure(error.category()),
            Err(_) => self.shared.record_failure("no answer in time"),
        }
    }
}

impl Inner {
    async fn answer<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Arc<RedisError>> {
        let answer = self.link().await?.run(command).await;
        if !answer.as_ref().is_err_and(RedisError::is_connection_dropped) {
            return answer.map_err(Arc::new);
        }
        // The server closed the link since its last use, for example at a restart. That is no outage yet.
        self.close();
        self.link().await?.run(command).await.map_err(Arc::new)
    }

    /// Returns the link, or starts to open one.
    fn link(&self) -> Opening {
        let mut kept = self.link.lock();
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
        // The task continues even if the command stops waiting.
        tokio::spawn(opening.clone());
        kept.insert(opening).clone()
    }

    /// Drops the link, unless it is still being opened.
    fn close(&self) {
        self.link.lock().take_if(|opening| opening.peek().is_some());
    }

    fn record_answer(&self) {
        if self.outage.record_answer() {
            tracing::info!("Redis answers again.");
        }
    }

    fn record_failure<T>(&self, reason: &str) -> Option<T> {
        self.close();
        if self.outage.record_failure() {
            tracing::warn!(reason, "Redis does not answer; look-ups go to the database meanwhile.");
        }
        None
    }
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

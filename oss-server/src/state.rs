//! The state that the handlers share.

use std::sync::Arc;
use std::time::Duration;

use oss_core::Oss;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::etag::TaggedAnswer;
use crate::telemetry::Metrics;

/// The state of the handlers, behind one pointer: it is cloned for each request.
pub(crate) type Shared = Arc<AppState>;

/// The parts of the state.
#[derive(Debug)]
pub(crate) struct AppState {
    pub(crate) oss: Oss,
    pub(crate) health: Health,
    pub(crate) readiness: Readiness,
    pub(crate) metrics: Metrics,
    /// The document of the routes.
    pub(crate) document: TaggedAnswer,
    /// The turn to run an audit.
    pub(crate) audit: Arc<Semaphore>,
}

/// The longest that readiness waits for the database. A little more than a statement waits for a connection, because that
/// wait ends with the reason.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// The reason why the server is not ready if the database takes longer.
const TOO_SLOW: &str = "the database does not answer in time";

/// The time for which the result of a check is reused. Anyone may ask as often as they like.
const FRESH: Duration = Duration::from_secs(1);

/// Whether this server still takes new work. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Health {
    stopping: CancellationToken,
}

impl Health {
    /// Makes the server not ready. It still finishes the requests in flight.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Whether clients have to leave this server.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Waits for work until clients have to leave this server. Returns none in that case.
    pub(crate) async fn until_stopping<F: Future>(&self, work: F) -> Option<F::Output> {
        self.stopping.run_until_cancelled(work).await
    }
}

/// The last check of the database. All probes share it, so that the database is asked at most once in [`FRESH`], even if there
/// are many probes or some of them do not wait for their answer.
#[derive(Debug, Default)]
pub(crate) struct Readiness(Mutex<Option<Check>>);

/// The result of a check: the reason if the database cannot be used.
pub(crate) type Checked = Result<(), String>;

#[derive(Debug, Clone)]
struct Check {
    begun: Instant,
    task: AbortHandle,
    /// None until the database has answered.
    result: watch::Receiver<Option<Checked>>,
}

impl Check {
    /// Starts a check in a task of its own, so that a probe that hangs up does not stop the check that others wait for.
    fn start(check: impl Future<Output = Checked> + Send + 'static) -> Self {
        let (sender, result) = watch::channel(None);
        let task = tokio::spawn(async move {
            let checked = timeout(PATIENCE, check).await;
            sender.send_replace(Some(checked.unwrap_or_else(|_| Err(TOO_SLOW.to_owned()))));
        });
        Self { begun: Instant::now(), task: task.abort_handle(), result }
    }

    fn is_stale(&self) -> bool {
        self.task.is_finished() && self.begun.elapsed() >= FRESH
    }
}

impl Readiness {
    /// Returns the result of the last check, or runs `check` if that result is too old.
    pub(crate) async fn or_check<F>(&self, check: impl FnOnce() -> F) -> Checked
    where
        F: Future<Output = Checked> + Send + 'static,
    {
        let mut result = self.current(check).result;
        let checked = result.wait_for(Option::is_some).await;
        // Without a result the check has panicked.
        checked.ok().and_then(|checked| checked.clone()).unwrap_or_else(|| Err("the check failed".to_owned()))
    }

    fn current<F>(&self, check: impl FnOnce() -> F) -> Check
    where
        F: Future<Output = Checked> + Send + 'static,
    {
        let mut last = self.0.lock();
        match &*last {
            Some(current) if !current.is_stale() => current.clone(),
            _ => last.insert(Check::start(check())).clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn probes_share_one_check_in_a_second() {
        let (readiness, checks) = (Readiness::default(), Arc::new(AtomicU32::new(0)));
        let probe = || {
            let checks = checks.clone();
            readiness.or_check(move || async move {
                checks.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(300)).await;
                Ok(())
            })
        };
        // Probes that hang up at once do not begin another check.
        for _ in 0..10 {
            assert!(timeout(Duration::from_millis(1), probe()).await.is_err());
        }
        assert!(join_all((0..100).map(|_| probe())).await.iter().all(Result::is_ok));
        assert!(probe().await.is_ok());
        assert_eq!(checks.load(Ordering::Relaxed), 1, "together and soon after one another");
        tokio::time::advance(FRESH).await;
        assert!(probe().await.is_ok());
        assert_eq!(checks.load(Ordering::Relaxed), 2, "a second later");
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_without_an_answer_or_with_a_panic_does_not_stay() {
        let readiness = Readiness::default();
        assert_eq!(readiness.or_check(std::future::pending::<Checked>).await, Err(TOO_SLOW.to_owned()));
        let panicking = || async { if true { panic!("on purpose") } else { Ok(()) } };
        assert!(readiness.or_check(panicking).await.is_err());
        tokio::time::advance(FRESH).await;
        assert_eq!(readiness.or_check(|| async { Ok(()) }).await, Ok(()));
    }
}

//! Work that runs once at a time: callers that ask meanwhile wait for its result.

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The last piece of work of a kind.
#[derive(Debug)]
pub(crate) struct Single<T>(Mutex<Option<Running<T>>>);

/// A piece of work that was started.
#[derive(Debug)]
pub(crate) struct Running<T> {
    pub(crate) task: AbortHandle,
    /// The result; none until the work has ended.
    pub(crate) result: watch::Receiver<Option<T>>,
}

impl<T> Running<T> {
    fn is_running(&self) -> bool {
        // The task ends shortly after its result is there. A task that panicked has no result.
        self.result.borrow().is_none() && !self.task.is_finished()
    }
}

impl<T> Default for Single<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Single<T> {
    /// Returns the result of the work that runs, or of new work.
    pub(crate) fn join_or_start(&self, start: impl FnOnce() -> Running<T>) -> watch::Receiver<Option<T>> {
        let mut last = self.0.lock();
        match &*last {
            Some(running) if running.is_running() => running.result.clone(),
            _ => last.insert(start()).result.clone(),
        }
    }
}

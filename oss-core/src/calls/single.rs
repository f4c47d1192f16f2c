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

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts work that ends when the sender is used or dropped.
    fn start(single: &Single<u32>) -> (watch::Receiver<Option<u32>>, Option<watch::Sender<Option<u32>>>) {
        let mut started = None;
        let result = single.join_or_start(|| {
            let (sender, result) = watch::channel(None);
            let mut ended = result.clone();
            let task = tokio::spawn(async move { drop(ended.wait_for(Option::is_some).await) });
            started = Some(sender);
            Running { task: task.abort_handle(), result }
        });
        (result, started)
    }

    #[tokio::test]
    async fn callers_that_ask_meanwhile_get_the_same_result() {
        let single = Single::default();
        let (first, sender) = start(&single);
        let (second, another) = start(&single);
        assert!(another.is_none(), "the first work still runs");
        sender.expect("the first caller starts it").send_replace(Some(7));
        assert_eq!((*first.borrow(), *second.borrow()), (Some(7), Some(7)));
        // The task has not noticed yet that it is over.
        assert!(start(&single).1.is_some(), "work that has a result does not run any more");
    }

    #[tokio::test]
    async fn work_that_ended_without_a_result_is_started_again() {
        let single = Single::default();
        let (mut result, sender) = start(&single);
        drop(sender);
        assert!(result.changed().await.is_err(), "nobody sends a result");
        while !single.0.lock().as_ref().unwrap().task.is_finished() {
            tokio::task::yield_now().await;
        }
        assert!(start(&single).1.is_some());
    }
}

//! Which previews this process is reserving from, so that a second caller waits for the first instead of asking again.
//!
//! A convenience, never the lock: the database decides who reserves. A preview that another process works on is not here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::ids::PreviewId;

/// The reserves of this process that are under way.
#[derive(Debug, Clone, Default)]
pub(crate) struct InFlight {
    previews: Arc<Mutex<HashMap<PreviewId, watch::Receiver<()>>>>,
}

/// Says, for as long as it lives, that a reserve is under way.
#[derive(Debug)]
pub(crate) struct Guard {
    entry: InFlight,
    preview: PreviewId,
    _wakes_when_dropped: watch::Sender<()>,
}

impl InFlight {
    /// Enters a preview until the guard is dropped.
    pub(crate) fn enter(&self, preview: PreviewId) -> Guard {
        let (sender, receiver) = watch::channel(());
        self.lock().insert(preview, receiver);
        Guard { entry: self.clone(), preview, _wakes_when_dropped: sender }
    }

    /// Waits until a preview has been left, or for `poll` where it is not here, but not beyond `patience`.
    pub(crate) async fn left(&self, preview: PreviewId, poll: Duration, patience: Instant) {
        let entered = self.lock().get(&preview).cloned();
        let left = async {
            match entered {
                // Only the drop of the sender ends this wait: nothing is ever sent.
                Some(mut entered) => drop(entered.changed().await),
                None => tokio::time::sleep(poll).await,
            }
        };
        let _ = tokio::time::timeout_at(patience, left).await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PreviewId, watch::Receiver<()>>> {
        // Insert and remove leave the map whole even where a thread panicked while holding the lock.
        self.previews.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.entry.lock().remove(&self.preview);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_waiter_wakes_when_the_reserve_ends() {
        let in_flight = InFlight::default();
        let preview = PreviewId::new();
        let guard = in_flight.enter(preview);
        let waiter = tokio::spawn({
            let in_flight = in_flight.clone();
            async move {
                in_flight
                    .left(preview, Duration::from_hours(1), Instant::now() + Duration::from_hours(2))
                    .await;
            }
        });
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        drop(guard);
        waiter.await.unwrap();
        assert!(in_flight.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_does_not_wait_beyond_its_patience() {
        let in_flight = InFlight::default();
        let preview = PreviewId::new();
        let _guard = in_flight.enter(preview);
        in_flight.left(preview, Duration::from_hours(1), Instant::now() + Duration::from_secs(1)).await;
    }
}

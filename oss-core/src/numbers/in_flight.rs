//! Which calls this process is working on, so that a second one like it waits for the first instead of asking Sigan again.
//!
//! A convenience, never the lock: the database decides who reserves. A call that another process works on is not here. All
//! that a waiter learns is that a call has ended: the answer it gets is the database's, which knows what belongs to whom.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::idempotency::IdempotencyKey;
use super::ids::PreviewId;

/// What makes two calls alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    /// They reserve from one preview.
    Reserve(PreviewId),
    /// They came with one key.
    Keyed(IdempotencyKey),
}

/// How many callers may wait for a call like theirs at once: each looks into the database now and then.
const WAITERS: usize = 200;

/// The calls of this process that are under way.
#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    calls: Arc<Mutex<HashMap<Call, watch::Receiver<()>>>>,
    places: Arc<Semaphore>,
}

impl Default for InFlight {
    fn default() -> Self {
        Self { calls: Arc::default(), places: Arc::new(Semaphore::new(WAITERS)) }
    }
}

/// Says, for as long as it lives, that a call is under way.
#[derive(Debug)]
pub(crate) struct Guard {
    entry: InFlight,
    call: Call,
    _wakes_when_dropped: watch::Sender<()>,
}

impl InFlight {
    /// Enters a call until the guard is dropped; none where one like it is under way.
    pub(crate) fn enter(&self, call: Call) -> Option<Guard> {
        let (sender, receiver) = watch::channel(());
        match self.lock().entry(call.clone()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(place) => {
                place.insert(receiver);
                Some(Guard { entry: self.clone(), call, _wakes_when_dropped: sender })
            }
        }
    }

    /// A place to wait at; none where too many wait already.
    pub(crate) fn wait(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().try_acquire_owned().ok()
    }

    /// Waits until a call has ended, or for `poll` where it is not here, but not beyond `patience`.
    pub(crate) async fn left(&self, call: &Call, poll: Duration, patience: Instant) {
        let entered = self.lock().get(call).cloned();
        let left = async {
            match entered {
                // Only the drop of the sender ends this wait: nothing is ever sent.
                Some(mut entered) => drop(entered.changed().await),
                None => tokio::time::sleep(poll).await,
            }
        };
        let _ = tokio::time::timeout_at(patience, left).await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Call, watch::Receiver<()>>> {
        // Insert and remove leave the map whole even where a thread panicked while holding the lock.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.entry.lock().remove(&self.call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_waiter_wakes_when_the_reserve_ends() {
        let in_flight = InFlight::default();
        let call = Call::Reserve(PreviewId::new());
        let guard = in_flight.enter(call.clone());
        assert!(in_flight.enter(call.clone()).is_none(), "one at a time");
        let waiter = tokio::spawn({
            let in_flight = in_flight.clone();
            async move {
                in_flight
                    .left(&call, Duration::from_hours(1), Instant::now() + Duration::from_hours(2))
                    .await;
            }
        });
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        drop(guard);
        waiter.await.unwrap();
        assert!(in_flight.lock().is_empty());
    }

    #[tokio::test]
    async fn only_so_many_wait() {
        let in_flight = InFlight::default();
        let places: Vec<_> = (0..WAITERS).map(|_| in_flight.wait().unwrap()).collect();
        assert!(in_flight.wait().is_none());
        drop(places);
        assert!(in_flight.wait().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_does_not_wait_beyond_its_patience() {
        let in_flight = InFlight::default();
        let call = Call::Reserve(PreviewId::new());
        let _guard = in_flight.enter(call.clone());
        in_flight.left(&call, Duration::from_hours(1), Instant::now() + Duration::from_secs(1)).await;
    }
}

//! Which calls this process is working on, so that a second one like it waits for the first instead of asking Sigan again.
//!
//! A convenience, never the lock: the database decides who reserves. A call that another process works on is not here. All
//! that a waiter learns is that a call has ended: the answer it gets is the database's, which knows what belongs to whom.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::access::Share;
use crate::domain::{ClientName, IdempotencyKey, PreviewId};

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

/// How many of them may wait for the same call, so that some places are left for others.
const WAITERS_ALIKE: usize = WAITERS / 10;

/// The calls of this process that are under way.
#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    calls: Arc<Mutex<HashMap<Call, watch::Receiver<()>>>>,
    waiting: Arc<Mutex<Waiting>>,
    share: Share,
}

/// How many callers wait.
#[derive(Debug, Default)]
struct Waiting {
    all: usize,
    by_call: HashMap<Call, usize>,
    by_client: HashMap<ClientName, usize>,
}

/// The right to wait for a call, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waits {
    waiting: Arc<Mutex<Waiting>>,
    call: Call,
    client: Option<ClientName>,
}

/// Why a caller may not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crowded {
    /// Too many wait already, in all or for the same call.
    Full,
    /// The client has its share of the places.
    Share,
}

/// Says, for as long as it lives, that a call is under way.
#[derive(Debug)]
pub(crate) struct Guard {
    entry: InFlight,
    call: Call,
    _wakes_when_dropped: watch::Sender<()>,
}

impl InFlight {
    /// Nothing is under way yet. One client has its share of the places to wait at.
    pub(crate) fn new(share: Share) -> Self {
        Self { calls: Arc::default(), waiting: Arc::default(), share }
    }

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

    /// Takes a place to wait for a call, of the client's share if it has one. Does not wait.
    pub(crate) fn try_join(&self, call: &Call, client: Option<&ClientName>) -> Result<Waits, Crowded> {
        let mut waiting = lock_waiting(&self.waiting);
        let count_of_client = |client| waiting.by_client.get(client).copied().unwrap_or_default();
        if client.is_some_and(|client| count_of_client(client) >= self.share.of(WAITERS)) {
            return Err(Crowded::Share);
        }
        let alike = waiting.by_call.get(call).copied().unwrap_or_default();
        if waiting.all >= WAITERS || alike >= WAITERS_ALIKE {
            return Err(Crowded::Full);
        }
        waiting.all += 1;
        *waiting.by_call.entry(call.clone()).or_default() += 1;
        if let Some(client) = client {
            *waiting.by_client.entry(client.clone()).or_default() += 1;
        }
        Ok(Waits { waiting: self.waiting.clone(), call: call.clone(), client: client.cloned() })
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

impl Drop for Waits {
    fn drop(&mut self) {
        let waiting = &mut *lock_waiting(&self.waiting);
        waiting.all -= 1;
        leave(&mut waiting.by_call, &self.call);
        if let Some(client) = &self.client {
            leave(&mut waiting.by_client, client);
        }
    }
}

/// Counts one less, and forgets what has none.
fn leave<K: Eq + Hash>(counts: &mut HashMap<K, usize>, of: &K) {
    if let Some(count) = counts.get_mut(of) {
        *count -= 1;
        if *count == 0 {
            counts.remove(of);
        }
    }
}

fn lock_waiting(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    // Nothing between the changes of the counts can panic, so they agree also if a thread panicked while holding the lock.
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_waiter_wakes_when_the_reserve_ends() {
        let in_flight = InFlight::new(Share::WHOLE);
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

    fn some_call() -> Call {
        Call::Reserve(PreviewId::new())
    }

    fn joined(in_flight: &InFlight, count: usize, call: &Call, client: Option<&ClientName>) -> Vec<Waits> {
        (0..count).map(|_| in_flight.try_join(call, client).unwrap()).collect()
    }

    #[test]
    fn only_so_many_wait() {
        let in_flight = InFlight::new(Share::WHOLE);
        let waits: Vec<_> = (0..10).map(|_| joined(&in_flight, WAITERS_ALIKE, &some_call(), None)).collect();
        assert_eq!(in_flight.try_join(&some_call(), None).unwrap_err(), Crowded::Full);
        drop(waits);
        assert!(in_flight.try_join(&some_call(), None).is_ok());
        let waiting = lock_waiting(&in_flight.waiting);
        assert!(waiting.all == 0 && waiting.by_call.is_empty(), "{waiting:?}");
    }

    #[test]
    fn those_who_wait_for_one_call_leave_places_for_others() {
        let in_flight = InFlight::new(Share::WHOLE);
        let call = some_call();
        let _waits = joined(&in_flight, WAITERS_ALIKE, &call, None);
        assert_eq!(in_flight.try_join(&call, None).unwrap_err(), Crowded::Full);
        assert!(in_flight.try_join(&some_call(), None).is_ok());
    }

    #[test]
    fn a_client_has_its_share_of_the_places() {
        let in_flight = InFlight::new("40".parse().unwrap());
        let [greedy, modest] = ["greedy", "modest"].map(|name| name.parse().unwrap());
        let waits: Vec<_> =
            (0..4).map(|_| joined(&in_flight, WAITERS_ALIKE, &some_call(), Some(&greedy))).collect();
        assert_eq!(in_flight.try_join(&some_call(), Some(&greedy)).unwrap_err(), Crowded::Share);
        assert!(in_flight.try_join(&some_call(), Some(&modest)).is_ok());
        drop(waits);
        assert!(in_flight.try_join(&some_call(), Some(&greedy)).is_ok());
        assert!(lock_waiting(&in_flight.waiting).by_client.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_does_not_wait_beyond_its_patience() {
        let in_flight = InFlight::new(Share::WHOLE);
        let call = Call::Reserve(PreviewId::new());
        let _guard = in_flight.enter(call.clone());
        in_flight.left(&call, Duration::from_hours(1), Instant::now() + Duration::from_secs(1)).await;
    }
}

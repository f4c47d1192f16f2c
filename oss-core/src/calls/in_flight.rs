//! Tracks the calls that this process is working on, so that a second call like one of them waits instead of asking Sigan again.
//!
//! This is an optimisation and not the lock: the database decides who reserves. It does not track the calls of other processes. A
//! waiter learns only that a call has ended. Then it reads its answer from the database, which knows the owner of each number.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::access::Share;
use crate::domain::{ClientName, IdempotencyKey, Msisdn, PreviewId};

/// The identity of a call: two calls are alike if it is equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    /// They reserve from one preview.
    Reserve(PreviewId),
    /// They came with one key.
    Keyed(IdempotencyKey),
    /// They order a SIM for one number.
    Order(Msisdn),
}

/// At most this many callers may wait for a call like theirs, because each of them reads the database now and then.
const WAITERS: usize = 200;

/// At most this many callers may wait for the same call, so that some places are left for others.
const WAITERS_ALIKE: usize = WAITERS / 10;

/// The calls of this process that are under way.
#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    calls: Arc<Mutex<HashMap<Call, watch::Receiver<()>>>>,
    waiting: Arc<Mutex<Waiting>>,
    share: Share,
}

/// The counts of callers that wait.
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

/// The reason why a caller may not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crowded {
    /// Too many wait already, in all or for the same call.
    Full,
    /// The client has used up its share of the places.
    Share,
}

/// Marks a call as under way until it is dropped.
#[derive(Debug)]
pub(crate) struct Guard {
    entry: InFlight,
    call: Call,
    _wakes_when_dropped: watch::Sender<()>,
}

impl InFlight {
    /// Starts without calls. Of the places for waiters, one client may take this share.
    pub(crate) fn new(share: Share) -> Self {
        Self { calls: Arc::default(), waiting: Arc::default(), share }
    }

    /// Enters a call until the guard is dropped. Returns none if a call like it is under way.
    pub(crate) fn enter(&self, call: Call) -> Option<Guard> {
        let (sender, receiver) = watch::channel(());
        match self.calls.lock().entry(call.clone()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(place) => {
                place.insert(receiver);
                Some(Guard { entry: self.clone(), call, _wakes_when_dropped: sender })
            }
        }
    }

    /// Takes a place to wait for a call, from the share of the client if there is a client. Does not wait.
    pub(crate) fn try_join(&self, call: &Call, client: Option<&ClientName>) -> Result<Waits, Crowded> {
        let mut waiting = self.waiting.lock();
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

    /// Waits until a call has ended, or for `poll` if this process does not work on it. Ends at `patience` at the latest.
    pub(crate) async fn wait_until_finished(&self, call: &Call, poll: Duration, patience: Instant) {
        let running = self.calls.lock().get(call).cloned();
        let finished = async {
            match running {
                // Only the drop of the sender ends this wait, because nothing is ever sent.
                Some(mut running) => drop(running.changed().await),
                None => tokio::time::sleep(poll).await,
            }
        };
        let _ = tokio::time::timeout_at(patience, finished).await;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.entry.calls.lock().remove(&self.call);
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        let waiting = &mut *self.waiting.lock();
        waiting.all -= 1;
        decrement(&mut waiting.by_call, &self.call);
        if let Some(client) = &self.client {
            decrement(&mut waiting.by_client, client);
        }
    }
}

/// Decrements a count, and removes it at zero.
fn decrement<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_waiter_wakes_when_the_reserve_ends() {
        let in_flight = InFlight::new(Share::WHOLE);
        let call = Call::Reserve(PreviewId::new());
        let guard = in_flight.enter(call.clone()).expect("nothing like it is under way");
        assert!(in_flight.enter(call.clone()).is_none(), "one at a time");
        let waiter = tokio::spawn({
            let in_flight = in_flight.clone();
            async move {
                in_flight
                    .wait_until_finished(
                        &call,
                        Duration::from_hours(1),
                        Instant::now() + Duration::from_hours(2),
                    )
                    .await;
            }
        });
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        drop(guard);
        waiter.await.unwrap();
        assert!(in_flight.calls.lock().is_empty());
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
        let waiting = in_flight.waiting.lock();
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
        assert!(in_flight.waiting.lock().by_client.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_does_not_wait_beyond_its_patience() {
        let in_flight = InFlight::new(Share::WHOLE);
        let call = Call::Reserve(PreviewId::new());
        let _guard = in_flight.enter(call.clone());
        in_flight
            .wait_until_finished(&call, Duration::from_hours(1), Instant::now() + Duration::from_secs(1))
            .await;
    }
}

//! The calls that callers may have in flight: a limit for all, a bounded queue before it, and a share of both for each client.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::Busy;
use crate::access::{ClientLimit, Share};
use crate::domain::ClientName;

/// The longest wait in the queue.
pub(super) const QUEUE: Duration = Duration::from_secs(2);

/// From how many clients on those that have nothing under way are forgotten. Clients come from a configuration, so this is only
/// a bound on memory.
const CLIENTS: usize = 1000;

/// The places of all callers.
#[derive(Debug)]
pub(super) struct CallerPlaces {
    calls: Semaphore,
    limit: usize,
    queue: usize,
    waiting: AtomicUsize,
    share: Share,
    clients: Mutex<HashMap<ClientName, Arc<ClientPlaces>>>,
}

/// The places that one client may take of them.
#[derive(Debug)]
struct ClientPlaces {
    calls: Arc<Semaphore>,
    queue: usize,
    waiting: AtomicUsize,
}

/// A call that may be in flight, until it is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    _of_all: SemaphorePermit<'a>,
    _of_client: Option<OwnedSemaphorePermit>,
}

impl CallerPlaces {
    /// At most `limit` calls in flight, and `queue` more that wait; for one client, its share of both.
    pub(super) fn new(limit: usize, queue: usize, share: Share) -> Self {
        Self {
            calls: Semaphore::new(limit),
            limit,
            queue,
            waiting: AtomicUsize::new(0),
            share,
            clients: Mutex::default(),
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.limit - self.calls.available_permits()
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A place for a call, of a client's share if there is one. `may_wait` is asked before it waits.
    pub(super) async fn take(
        &self,
        client: Option<&ClientName>,
        may_wait: impl FnOnce() -> Result<(), Busy>,
    ) -> Result<Place<'_>, Busy> {
        let client = client.map(|name| self.client(name));
        if let Some(place) = self.try_take(client.as_deref()) {
            return Ok(place);
        }
        may_wait()?;
        let _waits = self.enter_queue(client.as_deref())?;
        let deadline = Instant::now() + QUEUE;
        let of_client = match &client {
            Some(client) => {
                let place = timeout_at(deadline, client.calls.clone().acquire_owned()).await;
                // A semaphore is never closed.
                Some(place.ok().and_then(Result::ok).ok_or(Busy::Share(ClientLimit::SiganCalls))?)
            }
            None => None,
        };
        let of_all = timeout_at(deadline, self.calls.acquire()).await;
        let of_all = of_all.ok().and_then(Result::ok).ok_or(Busy::Sigan)?;
        Ok(Place { _of_all: of_all, _of_client: of_client })
    }

    fn try_take(&self, client: Option<&ClientPlaces>) -> Option<Place<'_>> {
        let of_client = match client {
            Some(client) => Some(client.calls.clone().try_acquire_owned().ok()?),
            None => None,
        };
        Some(Place { _of_all: self.calls.try_acquire().ok()?, _of_client: of_client })
    }

    fn enter_queue<'a>(
        &'a self,
        client: Option<&'a ClientPlaces>,
    ) -> Result<(Waits<'a>, Option<Waits<'a>>), Busy> {
        let Some(client) = client else {
            return Ok((Waits::enter(&self.waiting, self.queue).ok_or(Busy::Sigan)?, None));
        };
        // Whose fault it is that there is no place: the client's own, if its share of the calls is taken.
        let at_fault = if client.calls.available_permits() == 0 {
            Busy::Share(ClientLimit::SiganCalls)
        } else {
            Busy::Sigan
        };
        if self.queue == 0 {
            return Err(at_fault);
        }
        let own = Waits::enter(&client.waiting, client.queue).ok_or(Busy::Share(ClientLimit::SiganQueue))?;
        Ok((Waits::enter(&self.waiting, self.queue).ok_or(at_fault)?, Some(own)))
    }

    fn client(&self, name: &ClientName) -> Arc<ClientPlaces> {
        // Insert and remove leave the map whole even if a thread panicked while it held the lock.
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(name) {
            return client.clone();
        }
        if clients.len() >= CLIENTS {
            clients.retain(|_, client| Arc::strong_count(client) > 1 || !client.is_idle(self));
        }
        let client = Arc::new(ClientPlaces {
            calls: Arc::new(Semaphore::new(self.share.of(self.limit))),
            queue: self.share.of(self.queue),
            waiting: AtomicUsize::new(0),
        });
        clients.insert(name.clone(), client.clone());
        client
    }
}

impl ClientPlaces {
    fn is_idle(&self, all: &CallerPlaces) -> bool {
        self.calls.available_permits() == all.share.of(all.limit)
    }
}

/// A place in a queue.
#[derive(Debug)]
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn enter(waiting: &'a AtomicUsize, places: usize) -> Option<Self> {
        let entered = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < places).then_some(entered)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

//! Limits the calls that callers have in flight: a limit for all, a bounded queue before it, and a share of both for each client.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use metrics::counter;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::{Busy, GateLimits, GatedSystem};
use crate::access::Share;
use crate::domain::ClientName;
use crate::telemetry::names::LOAD_SHED;

/// The longest wait in the queue.
pub(crate) const QUEUE: Duration = Duration::from_secs(2);

/// If there are this many clients, idle ones are forgotten. Clients come from a configuration, so this only bounds memory.
const CLIENTS: usize = 1000;

/// The slots of all callers.
#[derive(Debug)]
pub(super) struct CallerSlots {
    gated: GatedSystem,
    calls: Semaphore,
    limit: usize,
    queue: usize,
    waiting: AtomicUsize,
    share: Share,
    clients: Mutex<HashMap<ClientName, Arc<ClientSlots>>>,
}

/// The slots that one client may take.
#[derive(Debug)]
struct ClientSlots {
    calls: Arc<Semaphore>,
    queue: usize,
    waiting: AtomicUsize,
}

/// The right to have a call in flight, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    _of_all: SemaphorePermit<'a>,
    _of_client: Option<OwnedSemaphorePermit>,
}

impl CallerSlots {
    /// Allows at most as many calls in flight and as many that wait as the limits say, and each client its share of both.
    pub(super) fn new(gated: GatedSystem, limits: GateLimits) -> Self {
        let GateLimits { calls: limit, queue, share, .. } = limits;
        // An alert needs the series before the first call that finds no place.
        count_shed(gated, 0);
        Self {
            gated,
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

    /// Takes a slot for a call, from the client's share if there is a client. Calls `may_wait` before it waits.
    pub(super) async fn take(
        &self,
        client: Option<&ClientName>,
        may_wait: impl FnOnce() -> Result<(), Busy>,
    ) -> Result<Slot<'_>, Busy> {
        let client = client.map(|name| self.client(name));
        if let Some(slot) = self.try_take(client.as_deref()) {
            return Ok(slot);
        }
        may_wait()?;
        let slot = self.wait(client.as_deref()).await;
        slot.inspect_err(|busy| {
            if *busy == Busy::NoTurn {
                count_shed(self.gated, 1);
            }
        })
    }

    /// Waits in the queue for a slot.
    async fn wait(&self, client: Option<&ClientSlots>) -> Result<Slot<'_>, Busy> {
        let _waits = self.join_queue(client)?;
        let deadline = Instant::now() + QUEUE;
        let of_client = match client {
            Some(client) => {
                let slot = timeout_at(deadline, client.calls.clone().acquire_owned()).await;
                // A semaphore is never closed.
                Some(slot.ok().and_then(Result::ok).ok_or(Busy::Share(self.gated.calls))?)
            }
            None => None,
        };
        let of_all = timeout_at(deadline, self.calls.acquire()).await;
        let of_all = of_all.ok().and_then(Result::ok).ok_or(Busy::NoTurn)?;
        Ok(Slot { _of_all: of_all, _of_client: of_client })
    }

    fn try_take(&self, client: Option<&ClientSlots>) -> Option<Slot<'_>> {
        let of_client = match client {
            Some(client) => Some(client.calls.clone().try_acquire_owned().ok()?),
            None => None,
        };
        Some(Slot { _of_all: self.calls.try_acquire().ok()?, _of_client: of_client })
    }

    fn join_queue<'a>(
        &'a self,
        client: Option<&'a ClientSlots>,
    ) -> Result<(Waits<'a>, Option<Waits<'a>>), Busy> {
        let Some(client) = client else {
            return Ok((Waits::enter(&self.waiting, self.queue).ok_or(Busy::NoTurn)?, None));
        };
        // The client's own limit is the reason if its share of the calls is taken.
        let reason =
            if client.calls.available_permits() == 0 { Busy::Share(self.gated.calls) } else { Busy::NoTurn };
        if self.queue == 0 {
            return Err(reason);
        }
        let own = Waits::enter(&client.waiting, client.queue).ok_or(Busy::Share(self.gated.queue))?;
        Ok((Waits::enter(&self.waiting, self.queue).ok_or(reason)?, Some(own)))
    }

    fn client(&self, name: &ClientName) -> Arc<ClientSlots> {
        let mut clients = self.clients.lock();
        if let Some(client) = clients.get(name) {
            return client.clone();
        }
        if clients.len() >= CLIENTS {
            clients.retain(|_, client| Arc::strong_count(client) > 1 || !client.is_idle(self));
        }
        let client = Arc::new(ClientSlots {
            calls: Arc::new(Semaphore::new(self.share.of(self.limit))),
            queue: self.share.of(self.queue),
            waiting: AtomicUsize::new(0),
        });
        clients.insert(name.clone(), client.clone());
        client
    }
}

/// Counts calls that found no slot and no place in the queue, or waited there for too long.
fn count_shed(gated: GatedSystem, calls: u64) {
    counter!(LOAD_SHED, "limit" => gated.queue.name()).increment(calls);
}

impl ClientSlots {
    fn is_idle(&self, all: &CallerSlots) -> bool {
        self.calls.available_permits() == all.share.of(all.limit)
    }
}

/// A place in a queue, until it is dropped.
#[derive(Debug)]
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn enter(waiting: &'a AtomicUsize, limit: usize) -> Option<Self> {
        let entered = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < limit).then_some(entered)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::ClientLimit;
    use crate::telemetry::System;

    #[tokio::test]
    async fn only_clients_that_take_nothing_are_forgotten() {
        let (calls, queue) = (ClientLimit::SiganCalls, ClientLimit::SiganQueue);
        let gated = GatedSystem { system: System::Sigan, name: "Sigan", calls, queue };
        let (share, call) = ("50".parse().unwrap(), QUEUE);
        let slots = CallerSlots::new(gated, GateLimits { calls: 4, queue: 4, share, call });
        let name = |text: &str| text.parse::<ClientName>().unwrap();
        let _waits = slots.client(&name("waits"));
        let _calls = slots.take(Some(&name("calls")), || Ok(())).await.unwrap();
        for other in 0..CLIENTS {
            slots.client(&name(&format!("other-{other}")));
        }
        let clients = slots.clients.lock();
        assert!(clients.contains_key(&name("waits")) && clients.contains_key(&name("calls")));
        assert_eq!(clients.len(), 4, "all others but the last two came before the map was full");
    }
}

//! Counts the requests that each client has in flight.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use oss_core::ClientName;
use oss_core::access::Clients;

/// The count of requests in flight, by client.
#[derive(Debug, Default)]
pub(super) struct Counts(HashMap<ClientName, Arc<AtomicUsize>>);

/// The slot of one request in flight. Dropping it frees the slot.
#[derive(Debug)]
pub(super) struct Slot(Arc<AtomicUsize>);

impl Counts {
    /// Builds the counts of these clients. A client that was there before keeps its count, because its requests go on.
    pub(super) fn of(clients: &Clients, before: &Self) -> Self {
        let count = |name: &ClientName| before.0.get(name).cloned().unwrap_or_default();
        Self(clients.names().map(|name| (name.clone(), count(name))).collect())
    }

    /// Takes a slot for one more request of a client. Returns none if it has `limit` already.
    pub(super) fn take(&self, client: &ClientName, limit: usize) -> Option<Slot> {
        let slot = Slot(self.0.get(client)?.clone());
        (slot.0.fetch_add(1, Ordering::Relaxed) < limit).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The future of an answer. It holds the request's slot until the answer is ready.
#[derive(Debug)]
pub(super) struct InFlight<F> {
    answer: F,
    slot: Option<Slot>,
}

impl<F> InFlight<F> {
    pub(super) fn new(answer: F, slot: Option<Slot>) -> Self {
        Self { answer, slot }
    }
}

impl<F: Future + Unpin> Future for InFlight<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let polled = Pin::new(&mut self.answer).poll(cx);
        if polled.is_ready() {
            self.slot = None;
        }
        polled
    }
}

//! How many requests each client has under way.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use oss_core::ClientName;
use oss_core::access::Clients;

/// The counts of the clients, each of its own name.
#[derive(Debug, Default)]
pub(super) struct Counts(HashMap<ClientName, Arc<AtomicUsize>>);

/// One request that is under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Counts {
    /// Makes the places of these clients. A client that was there before keeps its count, because its requests go on.
    pub(super) fn of(clients: &Clients, before: &Self) -> Self {
        let count = |name: &ClientName| before.0.get(name).cloned().unwrap_or_default();
        Self(clients.names().map(|name| (name.clone(), count(name))).collect())
    }

    /// A place for one more request of a client; none if it has `limit` already.
    pub(super) fn take(&self, client: &ClientName, limit: usize) -> Option<Place> {
        let place = Place(self.0.get(client)?.clone());
        (place.0.fetch_add(1, Ordering::Relaxed) < limit).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer that is being worked on, and the place that it has until then.
#[derive(Debug)]
pub(super) struct Placed<F> {
    answer: F,
    place: Option<Place>,
}

impl<F> Placed<F> {
    pub(super) fn new(answer: F, place: Option<Place>) -> Self {
        Self { answer, place }
    }
}

impl<F: Future + Unpin> Future for Placed<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let polled = Pin::new(&mut self.answer).poll(cx);
        if polled.is_ready() {
            self.place = None;
        }
        polled
    }
}

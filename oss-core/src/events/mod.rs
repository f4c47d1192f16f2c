//! Events: every change of a number or a SIM, in the order of the commits.
//!
//! The database writes an event in the transaction of its change, so neither exists without the other. A reader goes on from the place
//! after the last event that it has seen, and so sees each event exactly once.

mod delivery;

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use tokio::time::{Instant, timeout_at};

pub use self::delivery::DeliveryError;
use crate::domain::{EventCursor, EventPage, EventRows};
use crate::error::Error;
use crate::oss::Oss;
use crate::store::StoreError;
use crate::telemetry::Operation;

/// The most events of a page.
pub const LARGEST_PAGE: u32 = 1000;

/// The events of a page, if the reader says nothing else.
const PAGE: u32 = 100;

/// At most this many rows are written by one statement of the sweep.
const BATCH: u32 = 500;

/// A call of [`Oss::events`].
#[derive(Debug)]
#[must_use = "nothing is read until it is awaited"]
pub struct ReadEvents<'a> {
    oss: &'a Oss,
    after: EventCursor,
    limit: u32,
    wait: Duration,
}

impl ReadEvents<'_> {
    /// Sets the most events of the page: 1 to [`LARGEST_PAGE`]. The default is 100.
    pub fn limit(self, limit: u32) -> Self {
        Self { limit: limit.clamp(1, LARGEST_PAGE), ..self }
    }

    /// Waits this long for an event if there is none. All readers of a process that wait share one look at the database in a second.
    pub fn wait(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    async fn read(self) -> Result<EventPage, Error> {
        let Self { oss, mut after, limit, wait } = self;
        let deadline = Instant::now() + wait;
        loop {
            let rows = oss.event_rows(after, limit).await?;
            if rows.next == after && !oss.has_place(after).await? {
                return Err(Error::ForeignCursor(after));
            }
            let is_over = Instant::now() >= deadline || oss.stopping().is_cancelled();
            if !rows.events.is_empty() || is_over {
                return Ok(EventPage::shown(rows, !oss.scope().is_all_brands()));
            }
            // If there were events of other brands, there may be more after them.
            if rows.next == after {
                oss.wait_for_event(after, deadline).await?;
            }
            after = rows.next;
        }
    }
}

impl<'a> IntoFuture for ReadEvents<'a> {
    type Output = Result<EventPage, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.read())
    }
}

impl Oss {
    /// Reads the latest `limit` events between two places, the latest first, at most [`LARGEST_PAGE`]. The `next` of the page is the place
    /// before which to go on. Only events before it are older, so a page without events whose `next` is `before` is the last one.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub async fn events_before(
        &self,
        after: EventCursor,
        before: EventCursor,
        limit: u32,
    ) -> Result<EventPage, Error> {
        self.observe(Operation::Events, async {
            let limit = limit.clamp(1, LARGEST_PAGE);
            let rows = self.store().events_before(self.scope(), (after, before), limit).await?;
            Ok(EventPage::shown(rows, !self.scope().is_all_brands()))
        })
        .await
    }

    /// Reads the events after a place: [`EventCursor::default`] for the first one, or the `next` of the page before.
    ///
    /// Only a client that [acts for](Oss::acting_for) a brand sees numbers in full, and it sees the events of its brand only. Events are
    /// kept for the time [`Settings::event_retention`](crate::Settings::event_retention).
    ///
    /// On PostgreSQL, an event can be read once every transaction that began before it has ended.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignCursor`] if no event will ever come after the place, because it is one of another database.
    ///
    /// ```
    /// use oss_core::{EventCursor, Oss};
    ///
    /// # #[cfg(feature = "mock")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let oss = Oss::sandbox().await?;
    /// let number = oss.reserve_random("11".parse()?).await?.msisdn;
    ///
    /// let page = oss.events(EventCursor::default()).limit(10).await?;
    /// assert_eq!(page.events[0].kind.as_str(), "number.reserved");
    /// assert_eq!(page.events[0].masked, Some(number.masked()));
    /// assert!(oss.events(page.next).await?.events.is_empty());
    /// # oss.shutdown().await;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "mock"))]
    /// # fn main() {}
    /// ```
    pub fn events(&self, after: EventCursor) -> ReadEvents<'_> {
        ReadEvents { oss: self, after, limit: PAGE, wait: Duration::ZERO }
    }

    /// The place after the last event that can be read.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub async fn latest_event(&self) -> Result<EventCursor, Error> {
        Ok(self.store().last_event().await?)
    }

    /// A place before every event since a time, some seconds before it: the order of the events is not exactly that of their times.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub async fn events_since(&self, time: DateTime<Utc>) -> Result<EventCursor, Error> {
        Ok(self.store().events_since(time).await?)
    }

    async fn event_rows(&self, after: EventCursor, limit: u32) -> Result<EventRows, Error> {
        let read = async { Ok(self.store().events(self.scope(), after, limit).await?) };
        self.observe(Operation::Events, read).await
    }

    async fn has_place(&self, place: EventCursor) -> Result<bool, StoreError> {
        Ok(place == EventCursor::default() || self.store().has_place(place).await?)
    }

    /// Waits until there is a later event, the time is over, or the client is shut down.
    async fn wait_for_event(&self, place: EventCursor, deadline: Instant) -> Result<(), StoreError> {
        let later = timeout_at(deadline, self.watched_event().wait_for_later(place));
        let waited = self.stopping().run_until_cancelled(later).await;
        waited.and_then(Result::ok).unwrap_or(Ok(()))
    }

    /// The part of the sweep that writes the events of numbers that expire soon.
    pub(crate) async fn announce_expiring(&self) -> Result<(), StoreError> {
        let notice = self.settings().expiring_notice;
        self.in_batches(|| self.store().announce_expiring(notice, BATCH)).await
    }

    /// The part of the sweep that deletes old events.
    pub(crate) async fn purge_old_events(&self) -> Result<(), StoreError> {
        let retention = self.settings().event_retention;
        self.in_batches(|| self.store().purge_events(retention, BATCH)).await
    }

    /// Repeats a step until it finds fewer rows than a batch has.
    async fn in_batches<F>(&self, step: impl Fn() -> F) -> Result<(), StoreError>
    where
        F: Future<Output = Result<u64, StoreError>>,
    {
        while !self.stopping().is_cancelled() && step().await? >= u64::from(BATCH) {}
        Ok(())
    }
}

//! Events: what changed, in the order of the commits. Triggers of the database write them with the changes.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use super::rows::DataRow;
use crate::domain::{BrandId, EventCursor, EventRow, EventRows, Msisdn, Scope};

/// A reader of few brands reads at most this many events of all brands for one page.
pub(super) const SCANNED: u32 = 5000;

/// Events that were recorded at about the same time may be in another order than their times. A statement takes at most three seconds.
pub(super) const DISORDER: Duration = Duration::from_secs(5);

/// The steps of the readers of events.
#[async_trait]
pub trait EventStore {
    /// Reads at most `limit` events after a place, of the brands of a scope. If the brands have few events among those of others, the
    /// page may have fewer events than there are, but its end is further on.
    async fn events(&self, scope: Scope<'_>, after: EventCursor, limit: u32)
    -> Result<EventRows, StoreError>;

    /// Reads the latest `limit` events between two places, neither of them included, the latest first. The end of the page is the place
    /// before which to go on. Otherwise it is like a page of [`Self::events`].
    async fn events_before(
        &self,
        scope: Scope<'_>,
        between: (EventCursor, EventCursor),
        limit: u32,
    ) -> Result<EventRows, StoreError>;

    /// The place after the last event that can be read.
    async fn last_event(&self) -> Result<EventCursor, StoreError>;

    /// Whether a place is one among the events of this database. A place from another database, or from before an older backup was restored,
    /// may come after every event there is and every one that is written next.
    async fn has_place(&self, place: EventCursor) -> Result<bool, StoreError>;

    /// A place before every event since a time, and shortly before it.
    async fn events_since(&self, time: DateTime<Utc>) -> Result<EventCursor, StoreError>;

    /// Writes `number.expiring` for at most `limit` reserved numbers that expire within `notice`, once for each expiry. A number whose
    /// whole time is not longer than the notice has none.
    async fn announce_expiring(&self, notice: Duration, limit: u32) -> Result<u64, StoreError>;

    /// Deletes those of the first `limit` events that are older than `retention`.
    async fn purge_events(&self, retention: Duration, limit: u32) -> Result<u64, StoreError>;
}

/// How many events to read for a page of `limit` events.
pub(super) fn scanned(scope: Scope<'_>, limit: u32) -> i64 {
    i64::from(if scope.is_all_brands() { limit } else { limit.max(SCANNED) })
}

/// Reads a page that begins at a place. Each row has the last place that was read, and an event unless no event belongs to the brands.
pub(super) fn event_rows<R: DataRow>(
    rows: &[R],
    begin: EventCursor,
    limit: u32,
) -> Result<EventRows, sqlx::Error> {
    let Some(first) = rows.first() else { return Ok(EventRows { events: Vec::new(), next: begin }) };
    let mut next = EventCursor {
        transaction: first.count("last_transaction")?,
        position: first.count("last_position")?,
    };
    let events = rows.iter().map(event_row).collect::<Result<Vec<_>, _>>()?;
    let events: Vec<EventRow> = events.into_iter().flatten().collect();
    // A full page may end before the last event that was read.
    if let Some(last) = events.last()
        && events.len() >= usize::try_from(limit).unwrap_or(usize::MAX)
    {
        next = last.cursor;
    }
    Ok(EventRows { events, next })
}

/// Reads an event. A number, a brand or a client that cannot be read is left out, so that no row stops a reader.
pub(super) fn event_row(row: &impl DataRow) -> Result<Option<EventRow>, sqlx::Error> {
    let Some(kind) = row.maybe_text("kind")? else { return Ok(None) };
    Ok(Some(EventRow {
        cursor: cursor(row)?,
        id: row.id("id")?,
        recorded_at: row.time("recorded_at")?,
        kind: kind.into(),
        brand: row.text("brand_id")?.parse().unwrap_or_else(|_| BrandId::of_older_data()),
        client: row.maybe_text("client")?.and_then(|text| text.parse().ok()),
        changed_by: row.maybe_text("changed_by")?.and_then(|text| text.parse().ok()),
        reservation: row.maybe_id("reservation_id")?,
        sim: row.maybe_id("sim_id")?,
        msisdn: row.maybe_text("msisdn")?.and_then(|text| Msisdn::exact(text).ok()),
        before: row.maybe_text("state_before")?.map(str::to_owned),
        after: row.text("state_after")?.to_owned(),
    }))
}

/// Reads the place after an event.
pub(super) fn cursor(row: &impl DataRow) -> Result<EventCursor, sqlx::Error> {
    Ok(EventCursor { transaction: row.count("transaction_id")?, position: row.count("position")? })
}

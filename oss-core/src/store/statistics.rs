//! Statistics: counts that the sweep keeps up to date, and that are cheap to read.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use super::rows::DataRow;
use crate::domain::{AttemptCount, Backlog, BrandId, ChangeCount, DrawBatch, DrawCount, LastAudit};

/// The backlogs are counted up to this many rows of one kind, those due first. Each row is read from the table for its state.
pub const COUNTED: i64 = 2_000;

/// The time for which the draws and the changes of an hour are kept.
pub(super) const KEPT: Duration = Duration::from_hours(24 * 90);

/// The time for which the number of the last batch of a process is kept. A process repeats a batch sooner, or has ended.
pub(super) const BATCHES_KEPT: Duration = Duration::from_hours(24);

/// The steps of statistics.
#[async_trait]
pub trait StatisticsStore {
    /// Counts at most `limit` events that were not counted yet, by state and by hour. Returns how many there were. Each event is counted once, however many
    /// processes call this.
    async fn count_events(&self, limit: u32) -> Result<u64, StoreError>;

    /// The attempts of each brand, area code and state, as the counted events say.
    async fn attempt_counts(&self) -> Result<Vec<AttemptCount>, StoreError>;

    /// The rows that are due, by kind and state. Of each kind, at most [`COUNTED`] are counted, those due first.
    async fn backlogs(&self) -> Result<Vec<Backlog>, StoreError>;

    /// The changes of the last `within`, by hour, brand and kind, the latest hour first, as the counted events say.
    async fn changes(&self, within: Duration) -> Result<Vec<ChangeCount>, StoreError>;

    /// Adds a batch of draws to those of this hour, and deletes those of 90 days ago. A repeated batch is added once.
    async fn add_draws(&self, batch: &DrawBatch) -> Result<(), StoreError>;

    /// The draws of the last `within`, by hour, the latest first.
    async fn draws(&self, within: Duration) -> Result<Vec<DrawCount>, StoreError>;

    /// Records that an audit compared everything of a brand.
    async fn record_audit(&self, brand: &BrandId, differences: u64) -> Result<(), StoreError>;

    /// The latest audit of each brand that compared everything.
    async fn last_audits(&self) -> Result<Vec<LastAudit>, StoreError>;
}

pub(super) const ATTEMPT_COUNTS: &str = "
    select brand_id, ddd, state, attempts from attempt_count order by brand_id, ddd, state";

pub(super) const LAST_AUDITS: &str =
    "select brand_id, finished_at, differences from last_audit order by brand_id";

/// Reads a count. One of rows that nobody can read is left out, so that it stops no reader.
pub(super) fn attempt_count(row: &impl DataRow) -> Result<Option<AttemptCount>, sqlx::Error> {
    let attempts = u64::try_from(row.count("attempts")?).unwrap_or_default();
    let (Ok(brand_id), Ok(area_code), Ok(state)) =
        (row.parsed("brand_id"), row.parsed("ddd"), row.parsed("state"))
    else {
        return Ok(None);
    };
    Ok(Some(AttemptCount { brand_id, area_code, state, attempts }))
}

/// Reads a count of changes. One of a brand that cannot be read is left out.
pub(super) fn change_count(row: &impl DataRow) -> Result<Option<ChangeCount>, sqlx::Error> {
    let Ok(brand_id) = row.parsed("brand_id") else { return Ok(None) };
    let kind = row.text("kind")?.into();
    Ok(Some(ChangeCount {
        hour: row.time("hour")?,
        brand_id,
        kind,
        changes: row.count("changes")?.unsigned_abs(),
    }))
}

pub(super) fn backlog(row: &impl DataRow) -> Result<Backlog, sqlx::Error> {
    let oldest = Duration::try_from_secs_f64(row.seconds("oldest_secs")?).unwrap_or_default();
    Ok(Backlog {
        of: row.text("kind")?.to_owned(),
        state: row.parsed("state")?,
        due: row.count("due")?.unsigned_abs(),
        at_least: row.flag("at_least")?,
        oldest_seconds: oldest.as_secs(),
    })
}

pub(super) fn draw_count(row: &impl DataRow) -> Result<DrawCount, sqlx::Error> {
    Ok(DrawCount {
        hour: row.time("hour")?,
        area_code: row.parsed("ddd")?,
        draws: row.count("draws")?.unsigned_abs(),
        none_left: row.count("none_left")?.unsigned_abs(),
    })
}

pub(super) fn last_audit(row: &impl DataRow) -> Result<LastAudit, sqlx::Error> {
    Ok(LastAudit {
        brand_id: row.parsed("brand_id")?,
        finished_at: row.time("finished_at")?,
        differences: row.count("differences")?.unsigned_abs(),
    })
}

/// A count as the databases store it.
pub(super) fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

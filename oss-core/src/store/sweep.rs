//! The sweep: due rows are settled in the database if it can do so alone, and claimed if Sigan has to be called.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use super::rows::{DataRow, Unreadable};
use crate::domain::{AttemptState, Census, Claims, Delivery, Due, Hold, Lease, Overdue};

/// The steps of the sweep.
#[async_trait]
pub trait SweepStore {
    /// Settles due rows without Sigan: at most `limit` expired numbers, and at most `limit` attempts whose lease ran out. The
    /// numbers become `RETURNED` and their releases are due for delivery, unless they are on a line. The attempts become
    /// `IN_DOUBT`.
    async fn settle_overdue(&self, limit: u32) -> Result<Overdue, StoreError>;

    /// Claims at most `limit` rows for which Sigan is to be called, the longest due first, each with a lease for `lease`. Two
    /// callers never claim the same row. A row that cannot be read is set aside, so that nobody claims it again.
    async fn claim_due(&self, limit: u32, lease: Duration) -> Result<Claims, StoreError>;

    /// Counts the reservations that the sweep has to process, now or later, by state. Reads at most `limit` rows, the first due
    /// ones.
    async fn census(&self, limit: u32) -> Result<Census, StoreError>;
}

/// Reads a row that was claimed.
pub(super) fn claimed_row(row: &impl DataRow) -> Result<Result<Due, Unreadable>, sqlx::Error> {
    match due(row) {
        Ok(due) => Ok(Ok(due)),
        Err(error) => Unreadable::of("reservation", row, &error).map(Err),
    }
}

/// Reads an attempt about which Sigan is to be asked, or a delivery.
fn due(row: &impl DataRow) -> Result<Due, sqlx::Error> {
    let reservation = row.id("id")?;
    let hold = Hold { external_id: row.parsed("external_id")?, msisdn: row.parsed("msisdn")? };
    let attempts = row.attempts("attempts")?;
    Ok(if row.parsed::<AttemptState>("state")? == AttemptState::Pending {
        Due::Doubtful {
            lease: Lease { reservation, call: attempts, brand: row.parsed("brand_id")?, hold },
            nameable: row.flag("nameable")?,
        }
    } else {
        Due::Delivery(Delivery { reservation, hold, attempts })
    })
}

/// Reads the census. There is a row for each state.
pub(super) fn census<R: DataRow>(rows: &[R]) -> Result<Census, sqlx::Error> {
    let mut census = Census::default();
    for row in rows {
        let (stored, due) = (row.count("stored")?, row.count("due")?);
        census.add(row.parsed("state")?, stored, due, row.seconds("first_due_secs")?);
        census.set_aside += row.count("set_aside")?.unsigned_abs();
    }
    Ok(census)
}

//! The sweep: what is due is settled here if the database alone can, and claimed if Sigan has to be asked or told.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use super::rows::{DataRow, Unreadable};
use crate::domain::{Census, Claims, Delivery, Due, Hold, Lease, Overdue, ReservationState};

/// The database, as the sweep sees it.
#[async_trait]
pub trait SweepStore {
    /// Settles what needs no word of Sigan, of at most `limit` abandoned numbers and as many attempts whose lease ran out:
    /// the numbers are `RETURNED` and their holds due to be told, unless they are on a line; the attempts are `IN_DOUBT`.
    async fn settle_overdue(&self, limit: u32) -> Result<Overdue, StoreError>;

    /// Claims at most `limit` of what is due to be asked or told, the longest due first, each leased for `lease`. No two
    /// callers claim the same. A row that cannot be read is set aside: nobody claims it again.
    async fn claim_due(&self, limit: u32, lease: Duration) -> Result<Claims, StoreError>;

    /// Counts the reservations that the sweep still has to look at, now or later, by state. Reads at most `limit` of them, those
    /// due first.
    async fn census(&self, limit: u32) -> Result<Census, StoreError>;
}

/// A row that was claimed, if it can be read.
pub(super) fn claimed(row: &impl DataRow) -> Result<Result<Due, Unreadable>, sqlx::Error> {
    match due(row) {
        Ok(due) => Ok(Ok(due)),
        Err(error) => Unreadable::of(row, &error).map(Err),
    }
}

/// An attempt to ask Sigan about, or a hold to tell it of.
fn due(row: &impl DataRow) -> Result<Due, sqlx::Error> {
    let reservation = row.id("id")?;
    let hold = Hold { external_id: row.parsed("external_id")?, msisdn: row.parsed("msisdn")? };
    let attempts = row.attempts("attempts")?;
    Ok(if row.parsed::<ReservationState>("state")? == ReservationState::Pending {
        Due::Doubtful {
            lease: Lease { reservation, call: attempts, brand: row.parsed("brand_id")?, hold },
            nameable: row.flag("nameable")?,
        }
    } else {
        Due::Delivery(Delivery { reservation, hold, attempts })
    })
}

/// The census, from a row for each state.
pub(super) fn census<R: DataRow>(rows: &[R]) -> Result<Census, sqlx::Error> {
    let mut census = Census::default();
    for row in rows {
        let (stored, due) = (row.count("stored")?, row.count("due")?);
        census.add(row.parsed("state")?, stored, due, row.seconds("first_due_secs")?);
        census.set_aside += row.count("set_aside")?.unsigned_abs();
    }
    Ok(census)
}

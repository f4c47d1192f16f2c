//! Attempts that wait for a certain outcome: a page at a time, the oldest first.

use async_trait::async_trait;

use super::StoreError;
use super::rows::DataRow;
use crate::domain::{AttemptKind, AttemptState, Cursor, Scope, UnsettledAttempt, UnsettledPage};

/// Lists of unsettled attempts.
#[async_trait]
pub trait UnsettledStore {
    /// Reads at most `limit` attempts, of numbers and of SIMs, that are in doubt, are asked about again, or of whose end the other system
    /// was not told yet. A place of another list is like none.
    async fn unsettled_attempts(
        &self,
        scope: Scope<'_>,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<UnsettledPage, StoreError>;
}

/// The states of attempts that wait for a certain outcome.
pub(super) const STATES: [AttemptState; 4] =
    [AttemptState::Pending, AttemptState::InDoubt, AttemptState::Releasing, AttemptState::Cancelling];

/// The columns of an attempt `a`. `$kind` says what it is for, and `$brand` is the column of its brand.
macro_rules! unsettled {
    ($kind:literal, $brand:literal) => {
        concat!(
            "'",
            $kind,
            "' as kind, a.id, a.msisdn, a.",
            $brand,
            " as brand_id, a.state, a.created_at, a.attempts,
             case when a.state in ('RELEASING', 'CANCELLING') then a.updated_at else a.created_at end as since,
             case when a.set_aside is null then a.due_at end as next_attempt_at,
             coalesce(a.set_aside, a.last_error) as reason"
        )
    };
}
pub(super) use unsettled;

/// Reads a page. A row that cannot be read is left out, and does not end the list.
pub(super) fn page<R: DataRow>(limit: u32, rows: &[R]) -> Result<UnsettledPage, sqlx::Error> {
    let is_last = rows.len() < usize::try_from(limit).unwrap_or(usize::MAX);
    let next = match rows.last().filter(|_| !is_last) {
        Some(row) => Some(Cursor::Time(row.time("created_at")?, row.id("id")?)),
        None => None,
    };
    Ok(UnsettledPage::of(rows.iter().filter_map(|row| attempt(row).ok()).collect(), next))
}

fn attempt(row: &impl DataRow) -> Result<UnsettledAttempt, sqlx::Error> {
    Ok(UnsettledAttempt {
        kind: if row.text("kind")? == "sim" { AttemptKind::Sim } else { AttemptKind::Number },
        id: row.id("id")?,
        msisdn: row.parsed("msisdn")?,
        brand_id: row.parsed("brand_id")?,
        state: row.parsed("state")?,
        begun_at: row.time("created_at")?,
        since: row.time("since")?,
        next_attempt_at: row.maybe_time("next_attempt_at")?,
        attempts: row.attempts("attempts")?.unsigned_abs(),
        reason: row.maybe_text("reason")?.map(str::to_owned),
    })
}

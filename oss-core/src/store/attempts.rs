//! Attempts to hold a number of a preview. They begin before Sigan is asked, and are settled after it answered.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use super::rows::DataRow;
use crate::domain::{
    Begin, Choice, Confirmed, Delivery, Intent, Lease, Others, OwnAttempt, PreviewId, PreviewRow,
    ReservationId, Scope,
};

/// The steps of an attempt to hold a number of a preview.
#[async_trait]
pub trait AttemptStore {
    /// Takes the lease on a number of a preview as the attempt `id`, or says why not.
    ///
    /// If this preview has an attempt at this number that is in doubt, or whose lease ran out, takes that attempt up again.
    async fn begin_reservation(
        &self,
        scope: Scope<'_>,
        id: ReservationId,
        preview: PreviewId,
        choice: Choice,
        intent: Intent,
    ) -> Result<Begin, StoreError>;

    /// Records that Sigan holds the number: the attempt becomes `HELD` for `hold_for`, the number `RESERVED`, and its preview
    /// names it.
    async fn confirm(&self, lease: &Lease, hold_for: Duration) -> Result<Confirmed, StoreError>;

    /// Ends leases that were taken and not used, because the answer did not reach the caller. An attempt that began with its
    /// lease becomes `REJECTED`, and an older attempt may be taken up again at once. Returns the leases that it ended; the others
    /// may still be committed later.
    async fn abandon(&self, leases: &[ReservationId]) -> Result<Vec<ReservationId>, StoreError>;

    /// Records that Sigan gave no certain answer: the attempt becomes `IN_DOUBT` and is due in `retry_in`. The number becomes
    /// `RESERVED` and its preview names it, so that it is released if nobody takes it. Returns false if the attempt does not wait
    /// for the answer of this call.
    async fn doubt(&self, lease: &Lease, reason: &str, retry_in: Duration) -> Result<bool, StoreError>;

    /// Records that Sigan does not hold the number for us, for certain, and that no request of ours can still arrive: the attempt
    /// becomes `REJECTED`, and the number does not change.
    async fn reject(&self, lease: &Lease, reason: &str) -> Result<(), StoreError>;

    /// Gives an attempt up although its request may still arrive at Sigan: it becomes `CANCELLING`, and a number that it had left
    /// `RESERVED` becomes `RETURNED`. The caller has a lease for `deliver_within`, and delivers the cancellation at once. Returns
    /// none if a newer call has the attempt.
    async fn cancel(
        &self,
        lease: &Lease,
        reason: &str,
        deliver_within: Duration,
    ) -> Result<Option<Delivery>, StoreError>;
}

/// Reads the preview and the number that a call begins with, and every attempt at either.
pub(super) fn preview_row(row: &impl DataRow) -> Result<PreviewRow, sqlx::Error> {
    let own = match row.maybe_id("own_id")? {
        Some(id) => Some(OwnAttempt {
            id,
            msisdn: row.parsed("own_msisdn")?,
            state: row.parsed("own_state")?,
            attempts: row.attempts("own_attempts")?,
            // A state that is never due has no `due_at`.
            due: row.flag("own_due")?,
            expires_at: row.maybe_time("own_expires_at")?,
            leased: row.flag("own_leased")?,
        }),
        None => None,
    };
    Ok(PreviewRow {
        external_id: row.parsed("external_id")?,
        brand: row.parsed("brand_id")?,
        open: row.flag("open")?,
        gave_before: row.flag("gave_before")?,
        msisdn: row.maybe_parsed("msisdn")?,
        status: row.maybe_status("status")?,
        others: Others {
            live: row.flag("other_live")?,
            unsettled: row.flag("other_unsettled")?,
            ending: row.flag("other_ending")?,
        },
        own,
    })
}

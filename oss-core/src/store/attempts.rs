//! The attempts to hold a number of a preview: begun before Sigan is asked, settled after it answered.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use super::rows::DataRow;
use crate::domain::{
    Begin, Choice, Confirmed, Delivery, Intent, Lease, Others, OwnAttempt, PreviewId, PreviewRow,
    ReservationId, Scope,
};

/// The database, as the attempts to hold a number see it.
#[async_trait]
pub trait AttemptStore {
    /// Takes the lease on a number of a preview, as the attempt `id`, or says why not.
    ///
    /// An attempt of this preview at this number whose outcome is in doubt, or whose lease ran out, is taken up again.
    async fn begin_reservation(
        &self,
        scope: Scope<'_>,
        id: ReservationId,
        preview: PreviewId,
        choice: Choice,
        intent: Intent,
    ) -> Result<Begin, StoreError>;

    /// Sigan holds the number: the attempt is `HELD` for `hold_for`, the number `RESERVED`, and its preview names it.
    async fn confirm(&self, lease: &Lease, hold_for: Duration) -> Result<Confirmed, StoreError>;

    /// Ends leases that were taken and never used, because the answer did not reach the caller: an attempt that began with its
    /// lease is `REJECTED`, and an older one may be taken up again at once. Returns those that it ended; another one may yet be
    /// about to be committed.
    async fn abandon(&self, leases: &[ReservationId]) -> Result<Vec<ReservationId>, StoreError>;

    /// Sigan gave no certain answer: the attempt is `IN_DOUBT`, due in `retry_in`, and the number `RESERVED` and tied to its
    /// preview, so that it will be released if abandoned. Returns false if the attempt does not wait for this call's answer.
    async fn doubt(&self, lease: &Lease, reason: &str, retry_in: Duration) -> Result<bool, StoreError>;

    /// Sigan does not hold the number for us, for certain, and nothing that was sent can still arrive: the attempt is
    /// `REJECTED`, the number untouched.
    async fn reject(&self, lease: &Lease, reason: &str) -> Result<(), StoreError>;

    /// The attempt is given up, though the request that was sent for it may still arrive: it is `CANCELLING`, leased for
    /// `tell_within` to the caller, who tells Sigan at once, and a number that it had left `RESERVED` is `RETURNED`. Returns none
    /// if a newer call has the attempt.
    async fn cancel(
        &self,
        lease: &Lease,
        reason: &str,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError>;
}

/// The preview and the number that a begin asked for, and every attempt at either.
pub(super) fn preview_row(row: &impl DataRow) -> Result<PreviewRow, sqlx::Error> {
    let own = match row.maybe_id("own_id")? {
        Some(id) => Some(OwnAttempt {
            id,
            msisdn: row.parsed("own_msisdn")?,
            state: row.parsed("own_state")?,
            attempts: row.attempts("own_attempts")?,
            // A state that is never due has no time.
            due: row.flag("own_due")?,
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

//! Attempts without a preview: a random number, and the repeats of a call with an idempotency key.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use super::rows::DataRow;
use crate::domain::{
    BeginRandom, BrandId, Ddd, Hold, IdempotencyKey, Intent, Keyed, KeyedRow, OwnAttempt, ReservationId,
    Scope,
};

/// The steps of the reservation of a random number.
#[async_trait]
pub trait RandomStore {
    /// Takes the lease on a number without a preview, as the attempt `id`.
    async fn begin_random(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        key: Option<&IdempotencyKey>,
        lease: Duration,
    ) -> Result<BeginRandom, StoreError>;

    /// Finds the random reservation that was begun under a key, and returns its outcome. Returns none if there is none, or it was
    /// rejected. If it takes a lease, the lease is that of the attempt `id`. A reservation of another tenant counts as another
    /// request.
    async fn resume_keyed(
        &self,
        scope: Scope<'_>,
        id: ReservationId,
        key: &IdempotencyKey,
        ddd: Ddd,
        intent: Intent,
    ) -> Result<Option<Keyed>, StoreError>;
}

/// Reads the attempt that was begun under a key.
pub(super) fn keyed_row(row: &impl DataRow) -> Result<KeyedRow, sqlx::Error> {
    let own = OwnAttempt {
        id: row.id("id")?,
        msisdn: row.parsed("msisdn")?,
        state: row.parsed("state")?,
        attempts: row.attempts("attempts")?,
        // A state that is never due has no `due_at`.
        due: row.flag("due")?,
        expires_at: row.maybe_time("hold_expires_at")?,
        leased: row.flag("leased")?,
    };
    Ok(KeyedRow {
        own,
        external_id: row.parsed("external_id")?,
        brand: row.parsed("brand_id")?,
        status: row.maybe_status("status")?,
        same_request: row.flag("same_request")?,
    })
}

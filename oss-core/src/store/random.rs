//! The attempts that come from no preview: a random number, and the repeats of a call that named itself by a key.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use super::rows::DataRow;
use crate::domain::{
    BeginRandom, BrandId, Ddd, Hold, IdempotencyKey, Intent, Keyed, KeyedRow, OwnAttempt, ReservationId,
    Scope,
};

/// The database, as the reservation of a random number sees it.
#[async_trait]
pub trait RandomStore {
    /// Takes the lease on a number that comes from no preview, as the attempt `id`.
    async fn begin_random(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        key: Option<&IdempotencyKey>,
        lease: Duration,
    ) -> Result<BeginRandom, StoreError>;

    /// Finds the random reservation that was begun under a key, and says what became of it. Returns none if there was none, or
    /// nothing came of it. A lease that is taken is that of the attempt `id`. One that belongs to another tenant is another
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

/// The attempt that was begun under a key.
pub(super) fn keyed_row(row: &impl DataRow) -> Result<KeyedRow, sqlx::Error> {
    let own = OwnAttempt {
        id: row.id("id")?,
        msisdn: row.parsed("msisdn")?,
        state: row.parsed("state")?,
        attempts: row.attempts("attempts")?,
        // A state that is never due has no time.
        due: row.flag("due")?,
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

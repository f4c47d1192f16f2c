//! Releases: a number is released here, and then the release is delivered to Sigan.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use super::rows::{DataRow, Unreadable};
use crate::domain::{AttemptState, Delivery, Msisdn, NumberRow, Release, ReservationId, Scope, delivery};

/// The steps of releases and deliveries.
#[async_trait]
pub trait ReleaseStore {
    /// Releases a number. The hold's row becomes `RELEASING`. The caller has a lease for `lease`, and delivers the release at
    /// once.
    async fn release(&self, scope: Scope<'_>, msisdn: Msisdn, lease: Duration)
    -> Result<Release, StoreError>;

    /// Says how a release of a number would end now: with [`Release::Returned`] if it would be given back. Changes nothing.
    async fn look_at_release(&self, scope: Scope<'_>, msisdn: Msisdn) -> Result<Release, StoreError>;

    /// Records a delivery: a `RELEASING` row becomes `RELEASED`, and a `CANCELLING` row becomes `REJECTED`. Returns the new
    /// state, or none if another call had recorded it before.
    async fn record_delivery(&self, id: ReservationId) -> Result<Option<AttemptState>, StoreError>;

    /// Records a failed delivery: the row keeps its state, and is due again in `retry_in`.
    async fn record_failed_delivery(
        &self,
        delivery: &Delivery,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError>;
}

/// The answer to a look at a release, from the row of the number.
pub(super) fn looked_at(number: Option<&NumberRow>) -> Release {
    number.map_or(Release::Unknown, |number| number.release_refusal().unwrap_or(Release::Returned(None)))
}

/// Reads the delivery for a release. Returns none if no hold of the number is recorded.
pub(super) fn freed_delivery(
    row: &impl DataRow,
    msisdn: Msisdn,
) -> Result<Result<Option<Delivery>, Unreadable>, sqlx::Error> {
    let Some(id) = row.maybe_id("id")? else { return Ok(Ok(None)) };
    match row.parsed("external_id") {
        Ok(external_id) => Ok(Ok(Some(delivery(id, external_id, msisdn)))),
        Err(error) => Unreadable::of("reservation", row, &error).map(Err),
    }
}

//! The releases: a number is given back here, and then Sigan is told.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use super::rows::{DataRow, Unreadable};
use crate::domain::{Delivery, Msisdn, Release, ReservationId, ReservationState, Scope, delivery};

/// The database, as the releases see it.
#[async_trait]
pub trait ReleaseStore {
    /// Gives a number back. The hold's row is `RELEASING`, leased for `lease` to the caller, who tells Sigan at once.
    async fn release(&self, scope: Scope<'_>, msisdn: Msisdn, lease: Duration)
    -> Result<Release, StoreError>;

    /// Sigan was told: a row that was `RELEASING` is `RELEASED`, one that was `CANCELLING` is `REJECTED`. Returns its state, or
    /// none if another call had told before.
    async fn delivered(&self, id: ReservationId) -> Result<Option<ReservationState>, StoreError>;

    /// Sigan could not be told: the hold's row stays as it is, due again in `retry_in`.
    async fn undelivered(
        &self,
        delivery: &Delivery,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError>;
}

/// Leaves the row `$1` to a person, for the reason `$2`: nothing claims it any more.
pub(super) const SET_ASIDE: &str =
    "update reservation set set_aside = $2 where id = $1 and set_aside is null";

/// Sigan is to be told of the hold that a release freed. Returns none if the number had no hold that is known here.
pub(super) fn freed(
    row: &impl DataRow,
    msisdn: Msisdn,
) -> Result<Result<Option<Delivery>, Unreadable>, sqlx::Error> {
    let Some(id) = row.maybe_id("id")? else { return Ok(Ok(None)) };
    match row.parsed("external_id") {
        Ok(external_id) => Ok(Ok(Some(delivery(id, external_id, msisdn)))),
        Err(error) => Unreadable::of(row, &error).map(Err),
    }
}

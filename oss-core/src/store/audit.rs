//! The audit: what is held here, to be compared with what Sigan holds.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use super::live::live;
use super::rows::{DataRow, unreadable};
use crate::domain::{
    BrandId, Delivery, HeldNumber, HeldPage, Hold, KnownHold, Lease, LiveHold, Range, ReservationId, Tenant,
    UnreadableRow,
};
use crate::sigan::ListedHold;

/// The database, as the audit sees it.
#[async_trait]
pub trait AuditStore {
    /// What is known here of holds that Sigan lists, in their order. Young is what changed within `young`.
    async fn known_holds(&self, listed: &[ListedHold], young: Duration)
    -> Result<Vec<KnownHold>, StoreError>;

    /// The brands that are recorded of live reservations.
    async fn holding_brands(&self) -> Result<Vec<BrandId>, StoreError>;

    /// The numbers of a range that are `RESERVED` or `IN_USE` here, belong to a tenant, and that Sigan should hold for its
    /// brand, in order, at most `limit`: not those that were ported in. Young is what changed within `young`.
    async fn held_numbers(
        &self,
        tenant: &Tenant,
        range: Range,
        young: Duration,
        limit: u32,
    ) -> Result<HeldPage, StoreError>;

    /// How many numbers [`held_numbers`](Self::held_numbers) gives for all tenants together. Reads every number.
    async fn count_held_numbers(&self) -> Result<u64, StoreError>;

    /// The reservations that are set aside because they cannot be read, at most `limit`, from the one after `after` on.
    async fn set_aside_rows(
        &self,
        after: Option<ReservationId>,
        limit: u32,
    ) -> Result<Vec<(ReservationId, UnreadableRow)>, StoreError>;

    /// Records, as the attempt `id`, that a hold which Sigan lists is to be released. The row carries the preview that offered
    /// the number, so that nobody reserves it from there any more. Returns none if its number is held here, or an attempt at it
    /// is not over: then it is not ours to end.
    async fn release_stray(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError>;

    /// Records that a hold is to be released whose row is gone: a failover of the database lost it. Returns none if the attempt
    /// has a row, or another attempt is at work on the same hold. That attempt counts the lost call as one of its own, because
    /// the effect of the lost call outlasts its own first call, even if that one was not sent.
    async fn release_lost(
        &self,
        lease: &Lease,
        reason: &str,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError>;

    /// Gives back a number whose hold Sigan has lost: only if the attempt is still `HELD` and its number `RESERVED`.
    async fn give_back_lost(
        &self,
        id: ReservationId,
        reason: &str,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError>;
}

/// The brands of live reservations, but for `$1`.
pub(super) const HOLDING_BRANDS: &str = concat!(
    "
    select distinct brand_id
    from reservation
    where ",
    live!("state"),
    " and brand_id <> $1
    order by brand_id"
);

/// A brand that cannot be read cannot be named to Sigan either, so it is left out.
pub(super) fn brands<R: DataRow>(rows: &[R]) -> Vec<BrandId> {
    rows.iter().filter_map(|row| row.parsed("brand_id").ok()).collect()
}

pub(super) const COUNT_HELD: &str =
    "select count(*) as held from phone_number where status <> 'RETURNED' and origin = 'VIVO'";

pub(super) fn held_count(row: &impl DataRow) -> Result<u64, sqlx::Error> {
    row.count("held").map(i64::unsigned_abs)
}

/// The rows after `$1` that are set aside, at most `$2`.
pub(super) const SET_ASIDE_ROWS: &str = "
    select id, set_aside
    from reservation
    where set_aside is not null and id > $1
    order by id
    limit $2";

pub(super) fn set_aside_row(row: &impl DataRow) -> Result<(ReservationId, UnreadableRow), sqlx::Error> {
    let id: ReservationId = row.id("id")?;
    let reason = row.text("set_aside")?.to_owned();
    Ok((id, UnreadableRow { table: "reservation", key: id.to_string(), reason }))
}

/// A page of at most `limit` numbers. One that cannot be read is named by its key.
pub(super) fn held_page<R: DataRow>(rows: &[R], limit: u32) -> Result<HeldPage, sqlx::Error> {
    let mut page = HeldPage::default();
    for row in rows {
        match held_number(row) {
            Ok(number) => page.numbers.push(number),
            Err(error) => {
                page.unreadable.push(unreadable("phone_number", row.text("msisdn")?.to_owned(), &error));
            }
        }
    }
    if u32::try_from(rows.len()).is_ok_and(|count| count == limit) {
        page.next = rows.last().map(|row| row.text("msisdn").map(str::to_owned)).transpose()?;
    }
    Ok(page)
}

fn held_number(row: &impl DataRow) -> Result<HeldNumber, sqlx::Error> {
    let live = match row.maybe_id("id")? {
        Some(id) => Some(LiveHold {
            reservation: id,
            external_id: row.parsed("external_id")?,
            state: row.parsed("state")?,
        }),
        None => None,
    };
    Ok(HeldNumber {
        msisdn: row.parsed("msisdn")?,
        status: row.status("status")?,
        live,
        young: row.flag("young")?,
    })
}

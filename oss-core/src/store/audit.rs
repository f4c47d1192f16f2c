//! The audit: reads our holds for the comparison with Sigan's, and corrects differences.

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

/// The steps of the audit.
#[async_trait]
pub trait AuditStore {
    /// Reads our rows for holds that Sigan lists, in the same order. A hold is young if it changed within `young`.
    async fn known_holds(&self, listed: &[ListedHold], young: Duration)
    -> Result<Vec<KnownHold>, StoreError>;

    /// Reads the brands of live reservations.
    async fn holding_brands(&self) -> Result<Vec<BrandId>, StoreError>;

    /// Reads at most `limit` numbers of a range, in order, that are `RESERVED` or `IN_USE` here, belong to a tenant, and that
    /// Sigan should hold for its brand. Leaves out numbers that were ported in. A number is young if it changed within `young`.
    async fn held_numbers(
        &self,
        tenant: &Tenant,
        range: Range,
        young: Duration,
        limit: u32,
    ) -> Result<HeldPage, StoreError>;

    /// Counts the numbers that [`held_numbers`](Self::held_numbers) returns for all tenants together. Reads every number.
    async fn count_held_numbers(&self) -> Result<u64, StoreError>;

    /// Reads at most `limit` reservations that are set aside because they cannot be read, from the one after `after` on.
    async fn set_aside_rows(
        &self,
        after: Option<ReservationId>,
        limit: u32,
    ) -> Result<Vec<(ReservationId, UnreadableRow)>, StoreError>;

    /// Records, as the attempt `id`, that a hold which Sigan lists is to be released. The row carries the preview that offered
    /// the number, so that nobody can reserve the number from it any more. Returns none if the number is held here, or an attempt
    /// at it is not over, because then the hold must not be ended.
    async fn release_stray(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        deliver_within: Duration,
    ) -> Result<Option<Delivery>, StoreError>;

    /// Records that a hold is to be released whose row was lost in a failover of the database. Returns none if the attempt has a
    /// row, or another attempt works on the same hold. That attempt counts the lost call as one of its own, because the effect of
    /// the lost call remains even if the attempt's own first call was not sent.
    async fn release_lost(
        &self,
        lease: &Lease,
        reason: &str,
        deliver_within: Duration,
    ) -> Result<Option<Delivery>, StoreError>;

    /// Releases a number whose hold Sigan has lost, but only if the attempt is still `HELD` and its number `RESERVED`.
    async fn give_back_lost(
        &self,
        id: ReservationId,
        reason: &str,
        deliver_within: Duration,
    ) -> Result<Option<Delivery>, StoreError>;
}

/// Our record of a hold that Sigan lists.
pub(super) fn known_hold(row: &impl DataRow) -> Result<KnownHold, sqlx::Error> {
    Ok(KnownHold {
        state: row.maybe_parsed("state")?,
        status: row.maybe_status("status")?,
        contested: row.flag("contested")?,
        young: row.flag("young")?,
    })
}

/// The brands of live reservations, except `$1`.
pub(super) const HOLDING_BRANDS: &str = concat!(
    "
    select distinct brand_id
    from reservation
    where ",
    live!("state"),
    " and brand_id <> $1
    order by brand_id"
);

/// Reads brands. A brand that cannot be read is left out, because it cannot be sent to Sigan either.
pub(super) fn brands<R: DataRow>(rows: &[R]) -> Vec<BrandId> {
    rows.iter().filter_map(|row| row.parsed("brand_id").ok()).collect()
}

pub(super) const COUNT_HELD: &str =
    "select count(*) as held from phone_number where status <> 'RETURNED' and origin = 'VIVO'";

pub(super) fn held_count(row: &impl DataRow) -> Result<u64, sqlx::Error> {
    row.count("held").map(i64::unsigned_abs)
}

/// At most `$2` rows after `$1` that are set aside.
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

/// Reads a page of at most `limit` numbers. A number that cannot be read is listed by its key.
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

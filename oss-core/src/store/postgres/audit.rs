//! The audit on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use crate::domain::{
    BrandId, Delivery, HeldPage, Hold, KnownHold, Lease, Msisdn, OLDER_BRAND, RACES, Range, ReservationId,
    Tenant, UnreadableRow, delivery,
};
use crate::sigan::ListedHold;
use crate::store::StoreError;
use crate::store::audit::{
    AuditStore, COUNT_HELD, HOLDING_BRANDS, SET_ASIDE_ROWS, brands, held_count, held_page, known_hold,
    set_aside_row,
};
use crate::store::live::live;
use crate::store::offering::offering;
use crate::store::rows::DataRow;
use crate::store::tenant::brand_of_held;

/// The number before every possible number.
const FIRST: &str = "00000000000";

/// The last possible number.
const LAST: &str = "99999999999";

#[async_trait]
impl AuditStore for PostgresStore {
    async fn known_holds(
        &self,
        listed: &[ListedHold],
        young: Duration,
    ) -> Result<Vec<KnownHold>, StoreError> {
        const SQL: &str = "
            select own.state, p.status,
                   greatest(listed.reserved_at, own.updated_at) > now() - make_interval(secs => $4) as young,
                   exists (
                       select from reservation other
                       where other.msisdn = listed.msisdn::char(11) and other.external_id <> listed.external_id
                         and other.state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED', 'RELEASING', 'CANCELLING')
                   ) as contested
            from unnest((select $1::text[]), (select $2::text[]), (select $3::timestamptz[])) with ordinality
                as listed (external_id, msisdn, reserved_at, place)
            left join phone_number p on p.msisdn = listed.msisdn::char(11)
            left join lateral (
                select r.state, r.updated_at
                from reservation r
                where r.msisdn = listed.msisdn::char(11) and r.external_id = listed.external_id
                order by r.id desc
                limit 1
            ) own on true
            order by listed.place";
        let external_ids: Vec<&str> = listed.iter().map(|listed| listed.hold.external_id.as_str()).collect();
        let msisdns: Vec<String> = listed.iter().map(|listed| listed.hold.msisdn.to_string()).collect();
        let times: Vec<DateTime<Utc>> = listed.iter().map(|listed| listed.reserved_at).collect();
        let statement = || {
            sqlx::query(SQL)
                .bind(external_ids.clone())
                .bind(msisdns.clone())
                .bind(times.clone())
                .bind(young.as_secs_f64())
        };
        self.connections.all(statement, known_hold).await
    }

    async fn holding_brands(&self) -> Result<Vec<BrandId>, StoreError> {
        self.connections.read(|| sqlx::query(HOLDING_BRANDS).bind(OLDER_BRAND), |rows| Ok(brands(rows))).await
    }

    async fn held_numbers(
        &self,
        tenant: &Tenant,
        range: Range,
        young: Duration,
        limit: u32,
    ) -> Result<HeldPage, StoreError> {
        const SQL: &str = concat!(
            "select rtrim(p.msisdn) as msisdn, p.status, r.id, r.external_id, r.state,
                   coalesce(greatest(p.updated_at, r.updated_at) > now() - make_interval(secs => $3), false) as young
            from phone_number p
            left join reservation r
                on r.msisdn = p.msisdn and ", live!("r.state"), "
            where p.msisdn > $1::char(11) and p.msisdn <= $2::char(11) and p.status <> 'RETURNED'
              and p.origin = 'VIVO' and ",
            brand_of_held!("r.brand_id"),
            " in ($5, $6)
            order by p.msisdn
            limit $4"
        );
        let [brand, older] = tenant.own_brands();
        let statement = || {
            sqlx::query(SQL)
                .bind(range.after.as_deref().unwrap_or(FIRST))
                .bind(range.until.as_ref().map_or(LAST, Msisdn::as_str))
                .bind(young.as_secs_f64())
                .bind(i64::from(limit))
                .bind(brand)
                .bind(older)
        };
        self.connections.read(statement, |rows| held_page(rows, limit)).await
    }

    async fn count_held_numbers(&self) -> Result<u64, StoreError> {
        self.connections.one(|| sqlx::query(COUNT_HELD), held_count).await
    }

    async fn set_aside_rows(
        &self,
        after: Option<ReservationId>,
        limit: u32,
    ) -> Result<Vec<(ReservationId, UnreadableRow)>, StoreError> {
        let after = after.map_or(Uuid::nil(), ReservationId::as_uuid);
        let statement = || sqlx::query(SET_ASIDE_ROWS).bind(after).bind(i64::from(limit));
        self.connections.all(statement, set_aside_row).await
    }

    async fn release_stray(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        deliver_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        // A repeated statement finds its own row. The indexes refuse the row if an attempt from its preview, or at its hold,
        // begins at the same time.
        const SQL: &str = concat!(
            "with offering as (",
            offering!("$2", "$4::char(11)"),
            "), stray as (
                insert into reservation (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts, last_error,
                                         changed_by)
                select $1, (select id from offering), $2, $3, $4, 'RELEASING',
                       clock_timestamp() + make_interval(secs => $5), 0, 'held in Sigan and not here', $6::text
                where not exists (
                    select from reservation
                    where msisdn = $4::char(11)
                      and state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED', 'RELEASING', 'CANCELLING')
                ) and not exists (
                    select from phone_number where msisdn = $4::char(11) and status <> 'RETURNED'
                )
                on conflict do nothing
                returning id
            )
            select exists (select from stray) or exists (select from reservation where id = $1) as written"
        );
        let statement = || {
            sqlx::query(SQL)
                .bind(id.as_uuid())
                .bind(hold.external_id.as_str())
                .bind(brand.as_str())
                .bind(hold.msisdn.to_string())
                .bind(deliver_within.as_secs_f64())
                .bind(self.client())
        };
        let written = self.connections.one(statement, |row| row.flag("written")).await?;
        Ok(written.then(|| delivery(id, hold.external_id.clone(), hold.msisdn)))
    }

    async fn release_lost(
        &self,
        lease: &Lease,
        reason: &str,
        deliver_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        const SQL: &str = concat!(
            "with offering as (",
            offering!("$2", "$4::char(11)"),
            "), lost as (
                insert into reservation (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts, last_error,
                                         changed_by)
                select $1, (select id from offering), $2, $3, $4, 'RELEASING',
                       clock_timestamp() + make_interval(secs => $5), 0, $6, $7::text
                where not exists (select from reservation where id = $1)
                on conflict do nothing
                returning id
            ), counted as (
                update reservation set attempts = attempts + 1
                where external_id = $2 and msisdn = $4::char(11) and state = 'PENDING'
                  and not exists (select from reservation where id = $1)
            )
            select exists (select from lost)
                   or exists (select from reservation where id = $1 and state = 'RELEASING') as written,
                   exists (select from reservation where id = $1) or exists (
                       select from reservation
                       where external_id = $2 and msisdn = $4::char(11) and state not in ('RELEASED', 'REJECTED')
                   ) as in_hand"
        );
        let Lease { reservation, brand, hold, .. } = lease;
        let statement = || {
            sqlx::query(SQL)
                .bind(reservation.as_uuid())
                .bind(hold.external_id.as_str())
                .bind(brand.as_str())
                .bind(hold.msisdn.to_string())
                .bind(deliver_within.as_secs_f64())
                .bind(reason)
                .bind(self.client())
        };
        for _ in 0..RACES {
            let read = |row: &PgRow| Ok((row.flag("written")?, row.flag("in_hand")?));
            match self.connections.one(statement, read).await? {
                (true, _) => return Ok(Some(delivery(*reservation, hold.external_id.clone(), hold.msisdn))),
                (false, true) => return Ok(None),
                // Another attempt of its preview began at the same time: read again.
                (false, false) => {}
            }
        }
        Err(StoreError::unavailable("the preview kept changing"))
    }

    async fn give_back_lost(
        &self,
        id: ReservationId,
        reason: &str,
        deliver_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        const SQL: &str = "
            with lost as materialized (
                select r.id, r.msisdn
                from reservation r
                join phone_number p on p.msisdn = r.msisdn
                where r.id = $1 and r.state = 'HELD' and r.order_id is null and p.status = 'RESERVED'
                for update
            ), returned as (
                update phone_number p
                set status = 'RETURNED', assigned_sim_id = null, updated_at = clock_timestamp()
                from lost
                where p.msisdn = lost.msisdn
            )
            update reservation r
            set state = 'RELEASING', attempts = 0, last_error = $2, updated_at = clock_timestamp(), changed_by = $4,
                named_changes = r.named_changes + 1,
                due_at = clock_timestamp() + make_interval(secs => $3)
            from lost
            where r.id = lost.id and r.state = 'HELD'
            returning r.external_id, r.msisdn";
        let statement = || {
            let attempt = sqlx::query(SQL).bind(id.as_uuid()).bind(reason);
            attempt.bind(deliver_within.as_secs_f64()).bind(self.client())
        };
        let read = |row: &PgRow| Ok(delivery(id, row.parsed("external_id")?, row.parsed("msisdn")?));
        self.connections.maybe(statement, read).await
    }
}

//! What is held here, to be laid beside what Sigan holds.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::connections::{Connections, store_error};
use crate::numbers::{BrandId, Msisdn, ReservationId};
use crate::sigan::{Hold, ListedHold};
use crate::store::facts::delivery;
use crate::store::rows::{maybe_parsed, parsed};
use crate::store::tenant::{OLDER_BRAND, brand_of_held};
use crate::store::{Delivery, HeldNumber, KnownHold, LiveHold, Range, StoreError, Tenant};

/// Numbers before the first and at the last that there can be.
const FIRST: &str = "00000000000";
const LAST: &str = "99999999999";

pub(super) async fn known_holds(
    connections: &Connections,
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
        from unnest($1::text[], $2::text[], $3::timestamptz[]) with ordinality
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
    let rows = connections.all(statement).await?;
    let read = |row: &PgRow| {
        Ok(KnownHold {
            state: maybe_parsed(row, "state")?,
            status: maybe_parsed(row, "status")?,
            contested: row.try_get("contested")?,
            young: row.try_get("young")?,
        })
    };
    rows.iter().map(read).collect::<Result<_, _>>().map_err(|error: sqlx::Error| store_error(&error))
}

pub(super) async fn holding_brands(connections: &Connections) -> Result<Vec<BrandId>, StoreError> {
    const SQL: &str = "
        select distinct brand_id
        from reservation
        where state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED') and brand_id <> $1
        order by brand_id";
    let rows = connections.all(|| sqlx::query(SQL).bind(OLDER_BRAND)).await?;
    rows.iter()
        .map(|row| parsed(row, "brand_id"))
        .collect::<Result<_, _>>()
        .map_err(|error| store_error(&error))
}

pub(super) async fn held_numbers(
    connections: &Connections,
    tenant: &Tenant,
    range: Range,
    young: Duration,
    limit: u32,
) -> Result<Vec<HeldNumber>, StoreError> {
    const SQL: &str = concat!(
        "select p.msisdn, p.status, r.id, r.external_id, r.state,
               greatest(p.updated_at, r.updated_at) > now() - make_interval(secs => $3) as young
        from phone_number p
        left join reservation r
            on r.msisdn = p.msisdn and r.state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED')
        where p.msisdn > $1::char(11) and p.msisdn <= $2::char(11) and p.status <> 'RETURNED'
          and p.origin = 'VIVO' and ",
        brand_of_held!("r.brand_id"),
        " in ($5, $6)
        order by p.msisdn
        limit $4"
    );
    let bound = |msisdn: Option<Msisdn>, open: &str| msisdn.map_or(open.to_owned(), |at| at.to_string());
    let [brand, older] = tenant.own_brands();
    let statement = || {
        sqlx::query(SQL)
            .bind(bound(range.after, FIRST))
            .bind(bound(range.until, LAST))
            .bind(young.as_secs_f64())
            .bind(i64::from(limit))
            .bind(brand)
            .bind(older)
    };
    let rows = connections.all(statement).await?;
    rows.iter().map(held).collect::<Result<_, _>>().map_err(|error| store_error(&error))
}

fn held(row: &PgRow) -> Result<HeldNumber, sqlx::Error> {
    let live = match row.try_get::<Option<Uuid>, _>("id")? {
        Some(id) => Some(LiveHold {
            reservation: id.into(),
            external_id: parsed(row, "external_id")?,
            state: parsed(row, "state")?,
        }),
        None => None,
    };
    Ok(HeldNumber {
        msisdn: parsed(row, "msisdn")?,
        status: parsed(row, "status")?,
        live,
        young: row.try_get("young")?,
    })
}

pub(super) async fn release_stray(
    connections: &Connections,
    id: ReservationId,
    hold: &Hold,
    brand: &BrandId,
    tell_within: Duration,
) -> Result<Option<Delivery>, StoreError> {
    // A repeated statement finds its own row.
    const SQL: &str = "
        with stray as (
            insert into reservation (id, external_id, brand_id, msisdn, state, due_at, attempts, last_error)
            select $1, $2, $3, $4, 'RELEASING', clock_timestamp() + make_interval(secs => $5), 0,
                   'held in Sigan and not here'
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
        select exists (select from stray) or exists (select from reservation where id = $1) as written";
    let statement = || {
        sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(hold.external_id.as_str())
            .bind(brand.as_str())
            .bind(hold.msisdn.to_string())
            .bind(tell_within.as_secs_f64())
    };
    let written: bool =
        connections.one(statement).await?.try_get("written").map_err(|error| store_error(&error))?;
    Ok(written.then(|| delivery(id, hold.external_id.clone(), hold.msisdn)))
}

pub(super) async fn give_back_lost(
    connections: &Connections,
    id: ReservationId,
    reason: &str,
    tell_within: Duration,
) -> Result<Option<Delivery>, StoreError> {
    const SQL: &str = "
        with lost as materialized (
            select r.id, r.msisdn
            from reservation r
            join phone_number p on p.msisdn = r.msisdn
            where r.id = $1 and r.state = 'HELD' and p.status = 'RESERVED'
            for update
        ), returned as (
            update phone_number p
            set status = 'RETURNED', assigned_sim_id = null, updated_at = clock_timestamp()
            from lost
            where p.msisdn = lost.msisdn
        )
        update reservation r
        set state = 'RELEASING', attempts = 0, last_error = $2, updated_at = clock_timestamp(),
            due_at = clock_timestamp() + make_interval(secs => $3)
        from lost
        where r.id = lost.id and r.state = 'HELD'
        returning r.external_id, r.msisdn";
    let statement = || sqlx::query(SQL).bind(id.as_uuid()).bind(reason).bind(tell_within.as_secs_f64());
    let row = connections.maybe(statement).await?;
    let read = |row: PgRow| Ok(delivery(id, parsed(&row, "external_id")?, parsed(&row, "msisdn")?));
    row.map(read).transpose().map_err(|error: sqlx::Error| store_error(&error))
}

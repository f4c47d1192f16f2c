//! What is held here, to be laid beside what Sigan holds.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::connections::{Connections, store_error};
use super::reservations::flag;
use crate::domain::{BrandId, Msisdn, OLDER_BRAND, RACES, ReservationId, delivery};
use crate::sigan::{Hold, ListedHold};
use crate::store::live::live;
use crate::store::offering::offering;
use crate::store::rows::{held_page, maybe_parsed, maybe_status, parsed, status};
use crate::store::tenant::brand_of_held;
use crate::store::{
    Delivery, HeldNumber, HeldPage, KnownHold, Lease, LiveHold, Range, StoreError, Tenant, UnreadableRow,
};

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
            status: maybe_status(row, "status")?,
            contested: row.try_get("contested")?,
            young: flag(row, "young")?,
        })
    };
    rows.iter().map(read).collect::<Result<_, _>>().map_err(|error: sqlx::Error| store_error(&error))
}

pub(super) async fn holding_brands(connections: &Connections) -> Result<Vec<BrandId>, StoreError> {
    const SQL: &str = concat!(
        "
        select distinct brand_id
        from reservation
        where ",
        live!("state"),
        " and brand_id <> $1
        order by brand_id"
    );
    let rows = connections.all(|| sqlx::query(SQL).bind(OLDER_BRAND)).await?;
    // A brand that cannot be read cannot be named to Sigan either.
    Ok(rows.iter().filter_map(|row| parsed(row, "brand_id").ok()).collect())
}

pub(super) async fn held_numbers(
    connections: &Connections,
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
    let rows = connections.all(statement).await?;
    let keys = rows.iter().map(|row| row.try_get("msisdn")).collect::<Result<Vec<String>, _>>();
    let keys = keys.map_err(|error| store_error(&error))?;
    Ok(held_page(keys.into_iter().zip(rows.iter().map(held)), limit))
}

pub(super) async fn count_held_numbers(connections: &Connections) -> Result<u64, StoreError> {
    const SQL: &str = "select count(*) from phone_number where status <> 'RETURNED' and origin = 'VIVO'";
    let row = connections.one(|| sqlx::query(SQL)).await?;
    let count: i64 = row.try_get(0).map_err(|error| store_error(&error))?;
    Ok(count.unsigned_abs())
}

pub(super) async fn set_aside_rows(
    connections: &Connections,
    after: Option<ReservationId>,
    limit: u32,
) -> Result<Vec<(ReservationId, UnreadableRow)>, StoreError> {
    const SQL: &str = "
        select id, set_aside
        from reservation
        where set_aside is not null and ($1::uuid is null or id > $1)
        order by id
        limit $2";
    let statement = || sqlx::query(SQL).bind(after.map(ReservationId::as_uuid)).bind(i64::from(limit));
    let rows = connections.all(statement).await?;
    let read = |row: &PgRow| {
        let id: Uuid = row.try_get("id")?;
        let reason = row.try_get("set_aside")?;
        Ok((id.into(), UnreadableRow { table: "reservation", key: id.to_string(), reason }))
    };
    rows.iter().map(read).collect::<Result<_, _>>().map_err(|error: sqlx::Error| store_error(&error))
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
        status: status(row, "status")?,
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
    // A repeated statement finds its own row. The indexes refuse the row if an attempt from its preview, or at its hold, begins
    // at the same moment.
    const SQL: &str = concat!(
        "with offering as (",
        offering!("$2", "$4::char(11)"),
        "), stray as (
            insert into reservation (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts, last_error)
            select $1, (select id from offering), $2, $3, $4, 'RELEASING',
                   clock_timestamp() + make_interval(secs => $5), 0, 'held in Sigan and not here'
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
            .bind(tell_within.as_secs_f64())
    };
    let written: bool =
        connections.one(statement).await?.try_get("written").map_err(|error| store_error(&error))?;
    Ok(written.then(|| delivery(id, hold.external_id.clone(), hold.msisdn)))
}

pub(super) async fn release_lost(
    connections: &Connections,
    lease: &Lease,
    reason: &str,
    tell_within: Duration,
) -> Result<Option<Delivery>, StoreError> {
    const SQL: &str = concat!(
        "with offering as (",
        offering!("$2", "$4::char(11)"),
        "), lost as (
            insert into reservation (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts, last_error)
            select $1, (select id from offering), $2, $3, $4, 'RELEASING',
                   clock_timestamp() + make_interval(secs => $5), 0, $6
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
            .bind(tell_within.as_secs_f64())
            .bind(reason)
    };
    for _ in 0..RACES {
        let row = connections.one(statement).await?;
        let read = || Ok((row.try_get("written")?, row.try_get("in_hand")?));
        match read().map_err(|error: sqlx::Error| store_error(&error))? {
            (true, _) => return Ok(Some(delivery(*reservation, hold.external_id.clone(), hold.msisdn))),
            (false, true) => return Ok(None),
            // Another attempt of its preview began at the same moment: the next look sees it.
            (false, false) => {}
        }
    }
    Err(StoreError::unavailable("the preview kept changing"))
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

//! What is due: settled here where the database alone can, claimed for the sweep where Sigan has to be asked or told.
//!
//! `now()` and not `clock_timestamp()` bounds what is due: only a stable function can be the bound of an index scan. No statement
//! here waits for a lock before it looks, so both say the same.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::connections::{Connections, store_error};
use super::releases::set_aside;
use crate::domain::ReservationState;
use crate::sigan::Hold;
use crate::store::rows::{parsed, unreadable};
use crate::store::{Census, Claims, Delivery, Due, Lease, Overdue, StoreError, UnreadableRow};

pub(super) async fn settle_overdue(connections: &Connections, limit: u32) -> Result<Overdue, StoreError> {
    // Another program may have put the number on a line, or given it back, without a word to the reservation. If it gave the
    // number a status that is not known here, a person has to decide.
    const SQL: &str = "
        with held as materialized (
            select r.id, r.msisdn, p.status
            from reservation r
            join phone_number p on p.msisdn = r.msisdn
            where r.state = 'HELD' and r.due_at <= now() and r.set_aside is null
            order by r.due_at
            limit $1
            for update skip locked
        ), returned as (
            update phone_number p
            set status = 'RETURNED', assigned_sim_id = null, updated_at = clock_timestamp()
            from held
            where p.msisdn = held.msisdn and p.status = 'RESERVED'
        ), ended as (
            update reservation r
            set state = case held.status when 'IN_USE' then 'ASSIGNED' else 'RELEASING' end,
                due_at = case when held.status <> 'IN_USE' then clock_timestamp() end,
                last_error = case when held.status <> 'IN_USE' then 'abandoned' end,
                attempts = 0, updated_at = clock_timestamp()
            from held
            where r.id = held.id and r.state = 'HELD' and held.status in ('RESERVED', 'IN_USE', 'RETURNED')
            returning r.state
        ), foreign_status as (
            update reservation r
            set set_aside = left('its number is ' || held.status, 128)
            from held
            where r.id = held.id and r.state = 'HELD' and held.status not in ('RESERVED', 'IN_USE', 'RETURNED')
            returning true
        ), lapsed as materialized (
            select id
            from reservation
            where state = 'PENDING' and due_at <= now()
            order by due_at
            limit $1
            for update skip locked
        ), doubtful as (
            update reservation r
            set state = 'IN_DOUBT', last_error = 'interrupted', due_at = clock_timestamp(),
                updated_at = clock_timestamp()
            from lapsed
            where r.id = lapsed.id and r.state = 'PENDING'
            returning r.msisdn, r.preview_id
        ), number as (
            insert into phone_number (msisdn, origin, status)
            select msisdn, 'VIVO', 'RESERVED' from doubtful
            on conflict (msisdn) do update
            set status = 'RESERVED', assigned_sim_id = null, updated_at = clock_timestamp()
            where phone_number.status = 'RETURNED'
        ), chosen as (
            update preview set reserved_msisdn = doubtful.msisdn from doubtful where preview.id = doubtful.preview_id
        )
        select (select count(*) from ended where state = 'RELEASING') as expired,
               (select count(*) from ended where state = 'ASSIGNED') as assigned,
               (select count(*) from doubtful) as lapsed,
               (select count(*) from foreign_status) as set_aside";
    let row = connections.one(|| sqlx::query(SQL).bind(i64::from(limit))).await?;
    let count = |column| row.try_get::<i64, _>(column).map(i64::unsigned_abs);
    let read = || {
        Ok(Overdue {
            expired: count("expired")?,
            assigned: count("assigned")?,
            lapsed: count("lapsed")?,
            set_aside: count("set_aside")?,
        })
    };
    read().map_err(|error: sqlx::Error| store_error(&error))
}

pub(super) async fn claim_due(
    connections: &Connections,
    limit: u32,
    lease: Duration,
) -> Result<Claims, StoreError> {
    const SQL: &str = "
        with due as materialized (
            select id
            from reservation
            where state in ('IN_DOUBT', 'RELEASING', 'CANCELLING') and due_at <= now() and set_aside is null
            order by due_at
            limit $1
            for update skip locked
        )
        update reservation r
        set state = case r.state when 'IN_DOUBT' then 'PENDING' else r.state end,
            attempts = r.attempts + 1, due_at = clock_timestamp() + make_interval(secs => $2)
        from due
        where r.id = due.id and r.state in ('IN_DOUBT', 'RELEASING', 'CANCELLING')
        returning r.id, r.state, r.attempts, r.external_id, r.brand_id, r.msisdn,
                  r.preview_id is not null or r.idempotency_key is not null as nameable";
    let statement = || sqlx::query(SQL).bind(i64::from(limit)).bind(lease.as_secs_f64());
    let rows = connections.all(statement).await?;
    let mut claims = Claims::default();
    for row in &rows {
        match due(row) {
            Ok(due) => claims.due.push(due),
            Err(error) => claims.set_aside.push(claimed_unreadable(connections, row, &error).await?),
        }
    }
    Ok(claims)
}

/// A row that was claimed and cannot be read would be claimed for ever, so it is set aside.
async fn claimed_unreadable(
    connections: &Connections,
    row: &PgRow,
    error: &sqlx::Error,
) -> Result<UnreadableRow, StoreError> {
    let id: Uuid = row.try_get("id").map_err(|error| store_error(&error))?;
    let row = unreadable("reservation", id.to_string(), error);
    set_aside(connections, id, &row.reason).await?;
    Ok(row)
}

fn due(row: &PgRow) -> Result<Due, sqlx::Error> {
    let reservation = row.try_get::<Uuid, _>("id")?.into();
    let hold = Hold { external_id: parsed(row, "external_id")?, msisdn: parsed(row, "msisdn")? };
    let attempts = row.try_get("attempts")?;
    Ok(if parsed::<ReservationState, _>(row, "state")? == ReservationState::Pending {
        Due::Doubtful {
            lease: Lease { reservation, call: attempts, brand: parsed(row, "brand_id")?, hold },
            nameable: row.try_get("nameable")?,
        }
    } else {
        Due::Delivery(Delivery { reservation, hold, attempts })
    })
}

pub(super) async fn census(connections: &Connections, limit: u32) -> Result<Census, StoreError> {
    const SQL: &str = "
        select state, count(*) as stored, count(*) filter (where due_at <= now() and not aside) as due,
               coalesce(extract(epoch from now() - min(due_at) filter (where not aside)), 0)::float8 as first_due_secs,
               count(*) filter (where aside) as set_aside
        from (
            select state, due_at, set_aside is not null as aside
            from reservation
            where state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING')
            order by due_at
            limit $1
        ) unsettled
        group by state";
    let rows = connections.all(|| sqlx::query(SQL).bind(i64::from(limit))).await?;
    let mut census = Census::default();
    for row in &rows {
        count(row, &mut census).map_err(|error| store_error(&error))?;
    }
    Ok(census)
}

fn count(row: &PgRow, census: &mut Census) -> Result<(), sqlx::Error> {
    let (stored, due) = (row.try_get("stored")?, row.try_get("due")?);
    census.add(parsed(row, "state")?, stored, due, row.try_get("first_due_secs")?);
    census.set_aside += row.try_get::<i64, _>("set_aside")?.unsigned_abs();
    Ok(())
}

//! What is due: settled here where the database alone can, claimed for the sweep where Sigan has to be asked or told.

use std::time::Duration;

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::connections::Micros;
use super::releases::set_aside;
use super::reservations::reserve_number;
use crate::domain::{NumberStatus, ReservationState};
use crate::sigan::Hold;
use crate::store::rows::{parsed, status, unreadable};
use crate::store::{Census, Claims, Delivery, Due, Lease, Overdue};

pub(super) async fn settle_overdue(
    connection: &mut SqliteConnection,
    now: Micros,
    limit: u32,
) -> Result<Overdue, sqlx::Error> {
    let mut overdue = Overdue::default();
    end_abandoned(connection, now, limit, &mut overdue).await?;
    overdue.lapsed = doubt_lapsed(connection, now, limit).await?;
    Ok(overdue)
}

async fn end_abandoned(
    connection: &mut SqliteConnection,
    now: Micros,
    limit: u32,
    overdue: &mut Overdue,
) -> Result<(), sqlx::Error> {
    const HELD: &str = "
        select r.id, r.msisdn, p.status
        from reservation r
        join phone_number p on p.msisdn = r.msisdn
        where r.state = 'HELD' and r.due_at <= $1 and r.set_aside is null
        order by r.due_at
        limit $2";
    const RETURNED: &str = "
        update phone_number
        set status = 'RETURNED', assigned_sim_id = null, updated_at = $2
        where msisdn = $1 and status = 'RESERVED'";
    const RELEASING: &str = "
        update reservation
        set state = 'RELEASING', attempts = 0, last_error = 'abandoned', due_at = $2, updated_at = $2
        where id = $1 and state = 'HELD'";
    const ASSIGNED: &str = "
        update reservation
        set state = 'ASSIGNED', due_at = null, updated_at = $2
        where id = $1 and state = 'HELD'";

    let held = sqlx::query(HELD).bind(now.0).bind(i64::from(limit)).fetch_all(&mut *connection).await?;
    for row in held {
        let id: Uuid = row.try_get("id")?;
        // Another program may have put the number on a line, or given it back, without a word to the reservation. If it gave the
        // number a status that is not known here, a person has to decide.
        match status(&row, "status")? {
            NumberStatus::InUse => {
                sqlx::query(ASSIGNED).bind(id).bind(now.0).execute(&mut *connection).await?;
                overdue.assigned += 1;
            }
            NumberStatus::Reserved | NumberStatus::Returned => {
                let msisdn: &str = row.try_get("msisdn")?;
                sqlx::query(RETURNED).bind(msisdn).bind(now.0).execute(&mut *connection).await?;
                sqlx::query(RELEASING).bind(id).bind(now.0).execute(&mut *connection).await?;
                overdue.expired += 1;
            }
            NumberStatus::Other(word) => {
                set_aside(connection, id, &format!("its number is {word}")).await?;
                overdue.set_aside += 1;
            }
        }
    }
    Ok(())
}

async fn doubt_lapsed(
    connection: &mut SqliteConnection,
    now: Micros,
    limit: u32,
) -> Result<u64, sqlx::Error> {
    const SQL: &str = "
        update reservation
        set state = 'IN_DOUBT', last_error = 'interrupted', due_at = $1, updated_at = $1
        where id in (
            select id from reservation where state = 'PENDING' and due_at <= $1 order by due_at limit $2
        )
        returning msisdn, preview_id";
    let lapsed = sqlx::query(SQL).bind(now.0).bind(i64::from(limit)).fetch_all(&mut *connection).await?;
    let mut count = 0;
    for row in lapsed {
        reserve_number(connection, now, row.try_get("msisdn")?, row.try_get("preview_id")?).await?;
        count += 1;
    }
    Ok(count)
}

pub(super) async fn claim_due(
    connection: &mut SqliteConnection,
    now: Micros,
    limit: u32,
    lease: Duration,
) -> Result<Claims, sqlx::Error> {
    const SQL: &str = "
        update reservation
        set state = case state when 'IN_DOUBT' then 'PENDING' else state end, attempts = attempts + 1, due_at = $3
        where id in (
            select id from reservation
            where state in ('IN_DOUBT', 'RELEASING', 'CANCELLING') and due_at <= $1 and set_aside is null
            order by due_at
            limit $2
        )
        returning id, state, attempts, external_id, brand_id, msisdn,
                  preview_id is not null or idempotency_key is not null as nameable";
    let rows = sqlx::query(SQL)
        .bind(now.0)
        .bind(i64::from(limit))
        .bind(now.after(lease))
        .fetch_all(&mut *connection)
        .await?;
    let mut claims = Claims::default();
    for row in &rows {
        match due(row) {
            Ok(due) => claims.due.push(due),
            // It would be claimed for ever.
            Err(error) => {
                let id: Uuid = row.try_get("id")?;
                let row = unreadable("reservation", id.to_string(), &error);
                set_aside(connection, id, &row.reason).await?;
                claims.set_aside.push(row);
            }
        }
    }
    Ok(claims)
}

fn due(row: &SqliteRow) -> Result<Due, sqlx::Error> {
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

pub(super) async fn census(
    connection: &mut SqliteConnection,
    now: Micros,
    limit: u32,
) -> Result<Census, sqlx::Error> {
    const SQL: &str = "
        select state, count(*) as stored, count(*) filter (where due_at <= $1 and not aside) as due,
               coalesce(($1 - min(due_at) filter (where not aside)) / 1e6, 0.0) as first_due_secs,
               count(*) filter (where aside) as set_aside
        from (
            select state, due_at, set_aside is not null as aside
            from reservation
            where state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING')
            order by due_at
            limit $2
        )
        group by state";
    let rows = sqlx::query(SQL).bind(now.0).bind(i64::from(limit)).fetch_all(connection).await?;
    let mut census = Census::default();
    for row in &rows {
        let (stored, due) = (row.try_get("stored")?, row.try_get("due")?);
        census.add(parsed(row, "state")?, stored, due, row.try_get("first_due_secs")?);
        census.set_aside += row.try_get::<i64, _>("set_aside")?.unsigned_abs();
    }
    Ok(census)
}

//! Giving a number back, and telling Sigan of it.

use std::time::Duration;

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::connections::Micros;
use super::lines::seen;
use crate::domain::{AttemptEvent, LiveAttempt, Msisdn, ReservationId, ReservationState, delivery};
use crate::store::rows::{parsed, unreadable};
use crate::store::{Delivery, Release, Tenant};

pub(super) async fn release(
    connection: &mut SqliteConnection,
    now: Micros,
    tenant: Option<Tenant>,
    msisdn: Msisdn,
    lease: Duration,
) -> Result<Release, sqlx::Error> {
    const RETURNED: &str = "
        update phone_number
        set status = 'RETURNED', assigned_sim_id = null, updated_at = $2
        where msisdn = $1 and status = 'RESERVED'";

    let Some(seen) = seen(connection, now, tenant.as_ref(), msisdn).await? else {
        return Ok(Release::Unknown);
    };
    if let Some(answer) = seen.release_refusal() {
        return Ok(answer);
    }
    sqlx::query(RETURNED).bind(msisdn.as_str()).bind(now.0).execute(&mut *connection).await?;
    let row = match seen.live {
        Some(live) => free(connection, now, live, lease).await?,
        None => adopt(connection, now, msisdn, lease).await?,
    };
    match row {
        Some(row) => returned(connection, &row, msisdn).await,
        None => Ok(Release::Returned(None)),
    }
}

/// The number is given back. If Sigan's id of its hold cannot be read, the row that has it is set aside.
async fn returned(
    connection: &mut SqliteConnection,
    row: &SqliteRow,
    msisdn: Msisdn,
) -> Result<Release, sqlx::Error> {
    let id: Uuid = row.try_get("id")?;
    match parsed(row, "external_id") {
        Ok(external_id) => Ok(Release::Returned(Some(delivery(id.into(), external_id, msisdn)))),
        Err(error) => {
            let row = unreadable("reservation", id.to_string(), &error);
            set_aside(connection, id, &row.reason).await?;
            Ok(Release::SetAside(row))
        }
    }
}

/// Leaves a row to a person: nothing claims it any more.
pub(super) async fn set_aside(
    connection: &mut SqliteConnection,
    id: Uuid,
    reason: &str,
) -> Result<(), sqlx::Error> {
    const SQL: &str = "update reservation set set_aside = $2 where id = $1 and set_aside is null";
    sqlx::query(SQL).bind(id).bind(reason).execute(connection).await?;
    Ok(())
}

async fn free(
    connection: &mut SqliteConnection,
    now: Micros,
    live: LiveAttempt,
    lease: Duration,
) -> Result<Option<SqliteRow>, sqlx::Error> {
    const SQL: &str = "
        update reservation
        set state = $2, attempts = 0, last_error = null, due_at = $3, updated_at = $4
        where id = $1 and state = $5
        returning id, external_id";
    let Some(next) = live.state.after(AttemptEvent::Released) else { return Ok(None) };
    let freed =
        sqlx::query(SQL).bind(live.id.as_uuid()).bind(next.as_str()).bind(now.after(lease)).bind(now.0);
    let freed = freed.bind(live.state.as_str());
    freed.fetch_optional(connection).await
}

/// A number of older data has no reservation; Sigan's id of its hold is that of the preview it was chosen from.
async fn adopt(
    connection: &mut SqliteConnection,
    now: Micros,
    msisdn: Msisdn,
    lease: Duration,
) -> Result<Option<SqliteRow>, sqlx::Error> {
    const SQL: &str = "
        insert into reservation
            (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts, created_at, updated_at)
        select $1, p.id, p.external_id, p.brand_id, $2, 'RELEASING', $3, 0, $4, $4
        from preview p
        where p.reserved_msisdn = $2
          and not exists (select 1 from reservation r where r.preview_id = p.id and r.state <> 'REJECTED')
        order by p.created_at desc
        limit 1
        on conflict do nothing
        returning id, external_id";
    sqlx::query(SQL)
        .bind(ReservationId::new().as_uuid())
        .bind(msisdn.as_str())
        .bind(now.after(lease))
        .bind(now.0)
        .fetch_optional(connection)
        .await
}

pub(super) async fn delivered(
    connection: &mut SqliteConnection,
    now: Micros,
    id: ReservationId,
) -> Result<Option<ReservationState>, sqlx::Error> {
    const STATE: &str = "select state from reservation where id = $1";
    // Why an attempt was given up stays with it.
    const OVER: &str = "
        update reservation
        set state = $2, due_at = null, last_error = case state when 'CANCELLING' then last_error end, updated_at = $3
        where id = $1 and state = $4";
    let row = sqlx::query(STATE).bind(id.as_uuid()).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(None) };
    let state: ReservationState = parsed(&row, "state")?;
    let Some(next) = state.after(AttemptEvent::Delivered) else { return Ok(None) };
    let over = sqlx::query(OVER).bind(id.as_uuid()).bind(next.as_str()).bind(now.0).bind(state.as_str());
    over.execute(connection).await?;
    Ok(Some(next))
}

pub(super) async fn undelivered(
    connection: &mut SqliteConnection,
    now: Micros,
    delivery: Delivery,
    reason: String,
    retry_in: Duration,
) -> Result<(), sqlx::Error> {
    const SQL: &str = "
        update reservation
        set last_error = $3, due_at = $4
        where id = $1 and attempts = $2 and state in ('RELEASING', 'CANCELLING')";
    sqlx::query(SQL)
        .bind(delivery.reservation.as_uuid())
        .bind(delivery.attempts)
        .bind(reason)
        .bind(now.after(retry_in))
        .execute(connection)
        .await?;
    Ok(())
}

//! Giving a number back, and telling Sigan of it.

use std::time::Duration;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::connections::Micros;
use super::lines::seen;
use crate::numbers::{ExternalId, Msisdn, ReservationId, ReservationState};
use crate::store::facts::{Live, delivery};
use crate::store::rows::parsed;
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

    let Some(seen) = seen(connection, now, tenant, msisdn).await? else { return Ok(Release::Unknown) };
    if let Some(answer) = seen.bars_release() {
        return Ok(answer);
    }
    sqlx::query(RETURNED).bind(msisdn.as_str()).bind(now.0).execute(&mut *connection).await?;
    let told = match seen.live {
        Some(live) => Some(free(connection, now, live, msisdn, lease).await?),
        None => adopt(connection, now, msisdn, lease).await?,
    };
    Ok(Release::Returned(told))
}

async fn free(
    connection: &mut SqliteConnection,
    now: Micros,
    live: Live,
    msisdn: Msisdn,
    lease: Duration,
) -> Result<Delivery, sqlx::Error> {
    const SQL: &str = "
        update reservation
        set state = 'RELEASING', attempts = 0, last_error = null, due_at = $2, updated_at = $3
        where id = $1 and state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED')";
    sqlx::query(SQL).bind(live.id.as_uuid()).bind(now.after(lease)).bind(now.0).execute(connection).await?;
    Ok(delivery(live.id, live.external_id, msisdn))
}

/// A number of older data has no reservation; Sigan's id of its hold is that of the preview it was chosen from.
async fn adopt(
    connection: &mut SqliteConnection,
    now: Micros,
    msisdn: Msisdn,
    lease: Duration,
) -> Result<Option<Delivery>, sqlx::Error> {
    const PREVIEW: &str = "
        select p.id, p.external_id, p.brand_id
        from preview p
        where p.reserved_msisdn = $1
          and not exists (select 1 from reservation r where r.preview_id = p.id and r.state <> 'REJECTED')
        order by p.created_at desc
        limit 1";
    const ADOPTED: &str = "
        insert into reservation
            (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts, created_at, updated_at)
        values ($1, $2, $3, $4, $5, 'RELEASING', $6, 0, $7, $7)";

    let Some(row) = sqlx::query(PREVIEW).bind(msisdn.as_str()).fetch_optional(&mut *connection).await? else {
        return Ok(None);
    };
    let external_id: ExternalId = parsed(&row, "external_id")?;
    let id = ReservationId::new();
    sqlx::query(ADOPTED)
        .bind(id.as_uuid())
        .bind(row.try_get::<Uuid, _>("id")?)
        .bind(external_id.as_str())
        .bind(row.try_get::<&str, _>("brand_id")?)
        .bind(msisdn.as_str())
        .bind(now.after(lease))
        .bind(now.0)
        .execute(connection)
        .await?;
    Ok(Some(delivery(id, external_id, msisdn)))
}

pub(super) async fn delivered(
    connection: &mut SqliteConnection,
    now: Micros,
    id: ReservationId,
) -> Result<Option<ReservationState>, sqlx::Error> {
    const SQL: &str = "
        update reservation
        set state = case state when 'CANCELLING' then 'REJECTED' else 'RELEASED' end,
            due_at = null, last_error = case state when 'CANCELLING' then last_error end, updated_at = $2
        where id = $1 and state in ('RELEASING', 'CANCELLING')
        returning state";
    let row = sqlx::query(SQL).bind(id.as_uuid()).bind(now.0).fetch_optional(connection).await?;
    row.map(|row| parsed(&row, "state")).transpose()
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

//! Giving a number back, and telling Sigan of it.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::connections::{Connections, store_error};
use super::lines::{locked_number, seen};
use crate::domain::{Msisdn, RACES, ReservationId, ReservationState, delivery};
use crate::store::live::live;
use crate::store::rows::{parsed, unreadable};
use crate::store::{Delivery, Release, StoreError, Tenant};

pub(super) async fn release(
    connections: &Connections,
    tenant: Option<&Tenant>,
    msisdn: Msisdn,
    lease: Duration,
) -> Result<Release, StoreError> {
    // A number of older data has no reservation; Sigan's id of its hold is that of the preview it was chosen from.
    const SQL: &str = concat!(
        locked_number!(),
        ", released as (
            select * from seen
            where status = 'RESERVED' and unchanged and (live_state is distinct from 'PENDING' or live_due)
        ), returned as (
            update phone_number p
            set status = 'RETURNED', assigned_sim_id = null, updated_at = clock_timestamp()
            from released
            where p.msisdn = $1::char(11)
            returning p.msisdn
        ), releasing as (
            update reservation r
            set state = 'RELEASING', attempts = 0, last_error = null, updated_at = clock_timestamp(),
                due_at = clock_timestamp() + make_interval(secs => $5)
            from released
            where r.id = released.live_id and ",
        live!("r.state"),
        "
            returning r.id, r.external_id
        ), adopted as (
            insert into reservation (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts)
            select $4, p.id, p.external_id, p.brand_id, returned.msisdn, 'RELEASING',
                   clock_timestamp() + make_interval(secs => $5), 0
            from released, returned, preview p
            where released.live_id is null and p.reserved_msisdn = $1::char(11)
              and not exists (select from reservation r where r.preview_id = p.id and r.state <> 'REJECTED')
            order by p.created_at desc
            limit 1
            on conflict do nothing
            returning id, external_id
        )
        select seen.*, exists (select from returned) as written, told.id, told.external_id
        from seen
        left join (select * from releasing union all select * from adopted) told on true"
    );
    let adopted = ReservationId::new();
    let [brand, older] = Tenant::parameters(tenant);
    let statement = || {
        sqlx::query(SQL)
            .bind(msisdn.to_string())
            .bind(brand)
            .bind(older)
            .bind(adopted.as_uuid())
            .bind(lease.as_secs_f64())
    };
    for _ in 0..RACES {
        let Some(row) = connections.maybe(statement).await? else { return Ok(Release::Unknown) };
        let read = || Ok((seen(&row)?, row.try_get("unchanged")?, row.try_get("written")?));
        let (seen, unchanged, written) = read().map_err(|error: sqlx::Error| store_error(&error))?;
        match seen.release_refusal() {
            Some(answer) if unchanged || tenant.is_none() => return Ok(answer),
            None if written => return returned(connections, &row, msisdn).await,
            // The number changed under the statement: the next look sees how, and whose it is.
            _ => {}
        }
    }
    Ok(Release::InFlight)
}

/// The number is given back. If Sigan's id of its hold cannot be read, the row that has it is set aside.
async fn returned(connections: &Connections, row: &PgRow, msisdn: Msisdn) -> Result<Release, StoreError> {
    let id = row.try_get::<Option<Uuid>, _>("id").map_err(|error| store_error(&error))?;
    let Some(id) = id else { return Ok(Release::Returned(None)) };
    match parsed(row, "external_id") {
        Ok(external_id) => Ok(Release::Returned(Some(delivery(id.into(), external_id, msisdn)))),
        Err(error) => {
            let row = unreadable("reservation", id.to_string(), &error);
            set_aside(connections, id, &row.reason).await?;
            Ok(Release::SetAside(row))
        }
    }
}

/// Leaves a row to a person: nothing claims it any more.
pub(super) async fn set_aside(connections: &Connections, id: Uuid, reason: &str) -> Result<(), StoreError> {
    const SQL: &str = "update reservation set set_aside = $2 where id = $1 and set_aside is null";
    connections.all(|| sqlx::query(SQL).bind(id).bind(reason)).await?;
    Ok(())
}

pub(super) async fn delivered(
    connections: &Connections,
    id: ReservationId,
) -> Result<Option<ReservationState>, StoreError> {
    const SQL: &str = "
        update reservation
        set state = case state when 'CANCELLING' then 'REJECTED' else 'RELEASED' end,
            due_at = null, last_error = case state when 'CANCELLING' then last_error end, updated_at = clock_timestamp()
        where id = $1 and state in ('RELEASING', 'CANCELLING')
        returning state";
    let row = connections.maybe(|| sqlx::query(SQL).bind(id.as_uuid())).await?;
    row.map(|row| parsed(&row, "state")).transpose().map_err(|error| store_error(&error))
}

pub(super) async fn undelivered(
    connections: &Connections,
    delivery: &Delivery,
    reason: &str,
    retry_in: Duration,
) -> Result<(), StoreError> {
    const SQL: &str = "
        update reservation
        set last_error = $3, due_at = clock_timestamp() + make_interval(secs => $4)
        where id = $1 and attempts = $2 and state in ('RELEASING', 'CANCELLING')";
    let statement = || {
        sqlx::query(SQL)
            .bind(delivery.reservation.as_uuid())
            .bind(delivery.attempts)
            .bind(reason)
            .bind(retry_in.as_secs_f64())
    };
    connections.all(statement).await?;
    Ok(())
}

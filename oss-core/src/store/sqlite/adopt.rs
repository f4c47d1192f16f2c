//! Recording that a number is on a line although nothing here says so.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::connections::Micros;
use crate::domain::{
    AdoptOutcome, Adoption, AdoptionRow, AdoptionVerdict, ExternalId, LiveRow, ReservationId, SimId,
};
use crate::store::Tenant;
use crate::store::live::live;
use crate::store::offering::offering;
use crate::store::rows::{maybe_status, other_number, parsed};
use crate::store::sims::other_number_of_sim;

pub(super) async fn adopt(
    connection: &mut SqliteConnection,
    now: Micros,
    tenant: Tenant,
    id: ReservationId,
    adoption: Adoption,
) -> Result<AdoptOutcome, sqlx::Error> {
    const LINE: &str = "
        insert into phone_number (msisdn, origin, status, assigned_sim_id, assigned_at, created_at, updated_at)
        values ($1, 'VIVO', 'IN_USE', $2, $3, $3, $3)
        on conflict (msisdn) do update
        set origin = excluded.origin, status = excluded.status, assigned_sim_id = excluded.assigned_sim_id,
            assigned_at = excluded.assigned_at, updated_at = excluded.updated_at,
            shares_sim = phone_number.shares_sim and phone_number.assigned_sim_id is excluded.assigned_sim_id";

    let row = read(&mut *connection, &adoption).await?;
    let (live, external_id) = match row.verdict(&tenant, &adoption) {
        AdoptionVerdict::Answer(outcome) => return Ok(outcome),
        AdoptionVerdict::Write { live, external_id } => (live, external_id),
    };
    match live {
        Some(live) => keep(&mut *connection, now, live).await?,
        None => record(&mut *connection, now, &tenant, id, &adoption, &external_id).await?,
    }
    sqlx::query(LINE)
        .bind(adoption.msisdn.as_str())
        .bind(adoption.sim.as_uuid())
        .bind(now.0)
        .execute(connection)
        .await?;
    Ok(AdoptOutcome::Adopted(external_id))
}

async fn read(connection: &mut SqliteConnection, adoption: &Adoption) -> Result<AdoptionRow, sqlx::Error> {
    const SQL: &str = concat!(
        "
        select p.status, p.assigned_sim_id, r.id, r.external_id, r.brand_id, r.state,
               exists (
                   select 1 from reservation o
                   where o.msisdn = $1 and o.external_id = $2
                     and o.state in ('RELEASING', 'CANCELLING', 'RELEASED')
               ) as hold_is_over,
               (
                   select preview.brand_id
                   from preview_number n
                   join preview on preview.id = n.preview_id
                   where n.msisdn = $1 and preview.external_id = $2
                   limit 1
               ) as offered_to,
               (select o.msisdn from (",
        other_number_of_sim!("$3", "$1"),
        ") o) as other_number
        from (select 1) one
        left join phone_number p on p.msisdn = $1
        left join reservation r
            on r.msisdn = $1 and ",
        live!("r.state")
    );
    let external_id = adoption.external_id.as_ref().map(ExternalId::as_str);
    let statement =
        sqlx::query(SQL).bind(adoption.msisdn.as_str()).bind(external_id).bind(adoption.sim.as_uuid());
    adoption_row(&statement.fetch_one(connection).await?)
}

fn adoption_row(row: &SqliteRow) -> Result<AdoptionRow, sqlx::Error> {
    let live = match row.try_get::<Option<Uuid>, _>("id")? {
        Some(id) => Some(LiveRow {
            id: id.into(),
            external_id: parsed(row, "external_id")?,
            brand: row.try_get("brand_id")?,
            state: parsed(row, "state")?,
        }),
        None => None,
    };
    Ok(AdoptionRow {
        status: maybe_status(row, "status")?,
        sim: row.try_get::<Option<Uuid>, _>("assigned_sim_id")?.map(SimId::from),
        live,
        hold_is_over: row.try_get("hold_is_over")?,
        offered_to: row.try_get("offered_to")?,
        other_number: other_number(row, "other_number")?,
    })
}

async fn keep(
    connection: &mut SqliteConnection,
    now: Micros,
    live: ReservationId,
) -> Result<(), sqlx::Error> {
    const KEPT: &str = "
        update reservation
        set state = 'ASSIGNED', due_at = null, updated_at = $2
        where id = $1 and state in ('HELD', 'ASSIGNED')";
    sqlx::query(KEPT).bind(live.as_uuid()).bind(now.0).execute(connection).await?;
    Ok(())
}

/// Records the hold. The row names the preview that offered the number, so that a repeated reserve from it finds the line.
async fn record(
    connection: &mut SqliteConnection,
    now: Micros,
    tenant: &Tenant,
    id: ReservationId,
    adoption: &Adoption,
    external_id: &ExternalId,
) -> Result<(), sqlx::Error> {
    const RECORDED: &str = concat!(
        "
        insert into reservation (id, preview_id, external_id, brand_id, msisdn, state, created_at, updated_at)
        select $1, (",
        offering!("$2", "$4"),
        "), $2, $3, $4, 'ASSIGNED', $5, $5
        returning preview_id"
    );
    const CHOSEN: &str = "update preview set reserved_msisdn = $2 where id = $1";
    let recorded = sqlx::query(RECORDED)
        .bind(id.as_uuid())
        .bind(external_id.as_str())
        .bind(tenant.brand().as_str())
        .bind(adoption.msisdn.as_str())
        .bind(now.0)
        .fetch_one(&mut *connection)
        .await?;
    if let Some(preview) = recorded.try_get::<Option<Uuid>, _>("preview_id")? {
        sqlx::query(CHOSEN).bind(preview).bind(adoption.msisdn.as_str()).execute(connection).await?;
    }
    Ok(())
}

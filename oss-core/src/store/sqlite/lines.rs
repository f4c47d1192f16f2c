//! A number on a line, and the view of one number.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::connections::Micros;
use crate::domain::{AttemptEvent, HoldRecord, Line, LiveAttempt, Msisdn, Number, NumberRow, SimId};
use crate::store::live::live;
use crate::store::rows::{self, maybe_status, parsed, status};
use crate::store::sims::other_number_of_sim;
use crate::store::tenant::brand_of_number;
use crate::store::{Assign, OtherNumber, Tenant};

pub(super) async fn assign(
    connection: &mut SqliteConnection,
    now: Micros,
    tenant: Option<Tenant>,
    msisdn: Msisdn,
    sim: SimId,
) -> Result<Assign, sqlx::Error> {
    const LINE: &str = "
        update phone_number
        set status = 'IN_USE', assigned_sim_id = $2, shares_sim = 0, assigned_at = $3, updated_at = $3
        where msisdn = $1 and status = 'RESERVED'";
    const ASSIGNED: &str = "
        update reservation
        set state = $2, due_at = null, updated_at = $3
        where id = $1 and state = 'HELD'";

    let seen = seen(connection, now, tenant.as_ref(), msisdn).await?;
    let Some(seen) = seen else { return Ok(Assign::Unknown) };
    if let Some(answer) = seen.assign_refusal(sim) {
        return Ok(answer);
    }
    if let Some(other) = other_number(connection, tenant.as_ref(), msisdn, sim).await? {
        return Ok(Assign::SimHasNumber(other));
    }
    sqlx::query(LINE).bind(msisdn.as_str()).bind(sim.as_uuid()).bind(now.0).execute(&mut *connection).await?;
    if let Some((live, next)) =
        seen.live.and_then(|live| live.state.after(AttemptEvent::Assigned).map(|next| (live, next)))
    {
        sqlx::query(ASSIGNED)
            .bind(live.id.as_uuid())
            .bind(next.as_str())
            .bind(now.0)
            .execute(connection)
            .await?;
    }
    Ok(Assign::Assigned)
}

/// The other number of the SIM, shown if the caller may see it.
async fn other_number(
    connection: &mut SqliteConnection,
    tenant: Option<&Tenant>,
    msisdn: Msisdn,
    sim: SimId,
) -> Result<Option<OtherNumber>, sqlx::Error> {
    const SQL: &str = concat!(
        "
        select other.msisdn as other_number, $3 is null or ",
        brand_of_number!("other.msisdn", "other.status"),
        " in ($3, $4) as shows_other
        from (",
        other_number_of_sim!("$2", "$1"),
        ") other"
    );
    let [brand, older] = Tenant::parameters(tenant);
    let statement = sqlx::query(SQL).bind(msisdn.as_str()).bind(sim.as_uuid()).bind(brand).bind(older);
    let Some(row) = statement.fetch_optional(connection).await? else { return Ok(None) };
    let is_shown: bool = row.try_get("shows_other")?;
    Ok(rows::other_number(&row, "other_number")?
        .map(|other| if is_shown { other } else { OtherNumber::Hidden }))
}

/// A number that belongs to the tenant, and the live reservation that has it.
pub(super) async fn seen(
    connection: &mut SqliteConnection,
    now: Micros,
    tenant: Option<&Tenant>,
    msisdn: Msisdn,
) -> Result<Option<NumberRow>, sqlx::Error> {
    const SQL: &str = concat!(
        "
        select p.status, p.assigned_sim_id, r.id as live_id, r.state as live_state, r.due_at <= $4 as live_due
        from phone_number p
        left join reservation r
            on r.msisdn = p.msisdn and ",
        live!("r.state"),
        "
        where p.msisdn = $1 and ($2 is null or ",
        brand_of_number!("p.msisdn", "p.status"),
        " in ($2, $3))"
    );
    let [brand, older] = Tenant::parameters(tenant);
    let statement = sqlx::query(SQL).bind(msisdn.as_str()).bind(brand).bind(older).bind(now.0);
    let Some(row) = statement.fetch_optional(connection).await? else { return Ok(None) };
    let live = match row.try_get::<Option<Uuid>, _>("live_id")? {
        Some(id) => Some(LiveAttempt {
            id: id.into(),
            state: parsed(&row, "live_state")?,
            due: row.try_get::<Option<bool>, _>("live_due")?.unwrap_or(false),
        }),
        None => None,
    };
    let assigned_sim = row.try_get::<Option<Uuid>, _>("assigned_sim_id")?.map(SimId::from);
    Ok(Some(NumberRow { status: status(&row, "status")?, assigned_sim, live }))
}

pub(super) async fn number(
    connection: &mut SqliteConnection,
    tenant: Option<Tenant>,
    msisdn: Msisdn,
) -> Result<Option<Number>, sqlx::Error> {
    // One row for each hold, each with the number's own columns; one row where it was never held. A brand is not told of the time
    // when another one had the number: it had the number since its first hold, unless the number is older than our records; and
    // the last assignment is its own, if the hold before it is.
    const SQL: &str = concat!(
        "
        select p.origin, p.status, p.assigned_sim_id, p.updated_at as line_updated_at,
               case when $2 is null or 'unknown' in ($2, $3) then p.created_at
                    else max(p.created_at, min(r.created_at) over ()) end as line_created_at,
               case when $2 is null or coalesce((
                   select holder.brand_id from reservation holder
                   where holder.msisdn = p.msisdn and holder.created_at <= p.assigned_at
                     and holder.state not in ('PENDING', 'REJECTED')
                   order by holder.created_at desc
                   limit 1
               ), 'unknown') in ($2, $3) then p.assigned_at end as assigned_at,
               r.id, r.preview_id, r.external_id, r.state, coalesce(r.set_aside, r.last_error) as last_error,
               r.hold_expires_at, r.created_at, r.updated_at
        from (select $1 as msisdn) asked
        left join phone_number p on p.msisdn = asked.msisdn
        left join reservation r on r.msisdn = asked.msisdn and ($2 is null or r.brand_id in ($2, $3))
        where (p.msisdn is not null or r.id is not null)
          and ($2 is null or ",
        brand_of_number!("asked.msisdn", "p.status"),
        " in ($2, $3))
        order by r.id desc"
    );
    let [brand, older] = Tenant::parameters(tenant.as_ref());
    let rows = sqlx::query(SQL).bind(msisdn.as_str()).bind(brand).bind(older).fetch_all(connection).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let holds: Result<Vec<_>, _> = rows.iter().map(hold).collect();
    Ok(Some(Number::new(msisdn, line(first)?, holds?.into_iter().flatten().collect())))
}

fn line(row: &SqliteRow) -> Result<Option<Line>, sqlx::Error> {
    let Some(status) = maybe_status(row, "status")? else { return Ok(None) };
    let assigned_at = row.try_get::<Option<i64>, _>("assigned_at")?;
    Ok(Some(Line {
        origin: row.try_get("origin")?,
        status,
        assigned_sim_id: row.try_get::<Option<Uuid>, _>("assigned_sim_id")?.map(SimId::from),
        assigned_at: assigned_at.map(|at| Micros(at).to_utc()).transpose()?,
        created_at: Micros(row.try_get("line_created_at")?).to_utc()?,
        updated_at: Some(Micros(row.try_get("line_updated_at")?).to_utc()?),
    }))
}

fn hold(row: &SqliteRow) -> Result<Option<HoldRecord>, sqlx::Error> {
    let Some(id) = row.try_get::<Option<Uuid>, _>("id")? else { return Ok(None) };
    let hold_expires_at = row.try_get::<Option<i64>, _>("hold_expires_at")?;
    Ok(Some(HoldRecord {
        id: id.into(),
        preview: row.try_get::<Option<Uuid>, _>("preview_id")?.map(Into::into),
        external_id: parsed(row, "external_id").ok(),
        state: parsed(row, "state")?,
        reason: row.try_get("last_error")?,
        hold_expires_at: hold_expires_at.map(|at| Micros(at).to_utc()).transpose()?,
        created_at: Micros(row.try_get("created_at")?).to_utc()?,
        updated_at: Micros(row.try_get("updated_at")?).to_utc()?,
    }))
}

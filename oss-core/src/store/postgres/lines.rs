//! A number on a line, and the view of one number.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::connections::{Connections, is_foreign_key_violation, is_unique_violation, store_error};
use super::reservations::flag;
use crate::domain::{HoldRecord, Line, LiveAttempt, Msisdn, Number, NumberRow, RACES, SimId};
use crate::store::live::live;
use crate::store::rows::{self, maybe_status, parsed, status};
use crate::store::sims::{self, other_number_of_sim};
use crate::store::tenant::brand_of_number;
use crate::store::{Assign, OtherNumber, StoreError, Tenant};

/// Begins a statement that changes the number `$1` and the live reservation that has it: `seen` has both as they are, locked, so
/// that what is decided by them is true when it is written. The reservation is locked first, as every other statement does.
/// A number that changed before its lock was had may have another reservation than the one that was found, and belong to
/// another: it is not `unchanged`, and the statement is to be run again. One that does not belong to the tenant, `$2` and
/// `$3`, is not seen.
macro_rules! locked_number {
    () => {
        concat!(
            "
        with before as materialized (
            select updated_at from phone_number where msisdn = $1::char(11)
        ), live as materialized (
            select id, state, due_at
            from reservation
            where msisdn = $1::char(11) and ", live!("state"), "
            for update
        ), number as materialized (
            select status, assigned_sim_id, updated_at
            from phone_number
            where msisdn = $1::char(11) and (select count(*) from live) >= 0
            for update
        ), seen as materialized (
            select number.status, number.assigned_sim_id,
                   number.updated_at is not distinct from before.updated_at as unchanged,
                   live.id as live_id, live.state as live_state, live.due_at <= clock_timestamp() as live_due
            from number cross join before left join live on true
            where $2::text is null or number.updated_at is distinct from before.updated_at
               or ",
            $crate::store::tenant::brand_of_number!("$1::char(11)", "number.status"),
            " in ($2, $3)
        )"
        )
    };
}
pub(super) use locked_number;

pub(super) async fn assign(
    connections: &Connections,
    tenant: Option<&Tenant>,
    msisdn: Msisdn,
    sim: SimId,
) -> Result<Assign, StoreError> {
    const SQL: &str = concat!(
        locked_number!(),
        ", other as materialized (",
        other_number_of_sim!("$4", "$1::char(11)"),
        "), line as (
            update phone_number p
            set status = 'IN_USE', assigned_sim_id = $4, shares_sim = false, assigned_at = clock_timestamp(),
                updated_at = clock_timestamp()
            from seen
            where p.msisdn = $1::char(11) and seen.status = 'RESERVED' and seen.unchanged
              and coalesce(seen.live_state, 'HELD') in ('HELD', 'ASSIGNED')
              and not exists (select from other)
            returning true
        ), assigned as (
            update reservation r
            set state = 'ASSIGNED', due_at = null, updated_at = clock_timestamp()
            from seen, line
            where r.id = seen.live_id and r.state = 'HELD'
        )
        select seen.*, exists (select from line) as written, (select msisdn from other) as other_number,
               exists (
                   select from other
                   where $2::text is null or ",
        brand_of_number!("other.msisdn", "other.status"),
        " in ($2, $3)
               ) as shows_other
        from seen"
    );
    let [brand, older] = Tenant::parameters(tenant);
    for _ in 0..RACES {
        let statement =
            || sqlx::query(SQL).bind(msisdn.to_string()).bind(brand).bind(older).bind(sim.as_uuid());
        let row = match connections.maybe(statement).await {
            // The existing database has a table of SIMs, and refuses one that is not there.
            Err(error) if is_foreign_key_violation(&error) => return Ok(Assign::UnknownSim),
            // Another number got the SIM meanwhile: the next look sees which one.
            Err(error) if is_unique_violation(&error, sims::INDEX) => continue,
            answered => answered?,
        };
        let Some(row) = row else { return Ok(Assign::Unknown) };
        let read = || {
            let (unchanged, written) = (row.try_get("unchanged")?, row.try_get("written")?);
            Ok((seen(&row)?, other_number(&row)?, unchanged, written))
        };
        let (seen, other, unchanged, written) = read().map_err(|error: sqlx::Error| store_error(&error))?;
        match (seen.assign_refusal(sim), other) {
            (Some(answer), _) if unchanged || tenant.is_none() => return Ok(answer),
            (None, _) if written => return Ok(Assign::Assigned),
            (None, Some(other)) if unchanged => return Ok(Assign::SimHasNumber(other)),
            // The number changed under the statement: the next look sees how, and whose it is.
            _ => {}
        }
    }
    Err(StoreError::unavailable("the number kept changing"))
}

/// The other number of the SIM, shown if the caller may see it.
fn other_number(row: &PgRow) -> Result<Option<OtherNumber>, sqlx::Error> {
    let is_shown: bool = row.try_get("shows_other")?;
    Ok(rows::other_number(row, "other_number")?
        .map(|other| if is_shown { other } else { OtherNumber::Hidden }))
}

/// The columns of `seen` in the statements that change a number.
pub(super) fn seen(row: &PgRow) -> Result<NumberRow, sqlx::Error> {
    let live = match row.try_get::<Option<Uuid>, _>("live_id")? {
        Some(id) => Some(LiveAttempt {
            id: id.into(),
            state: parsed(row, "live_state")?,
            due: flag(row, "live_due")?,
        }),
        None => None,
    };
    let assigned_sim = row.try_get::<Option<Uuid>, _>("assigned_sim_id")?.map(SimId::from);
    Ok(NumberRow { status: status(row, "status")?, assigned_sim, live })
}

pub(super) async fn number(
    connections: &Connections,
    tenant: Option<&Tenant>,
    msisdn: Msisdn,
) -> Result<Option<Number>, StoreError> {
    // One row for each hold, each with the number's own columns; one row where it was never held. A brand is not told of the time
    // when another one had the number: it had the number since its first hold, unless the number is older than our records; and
    // the last assignment is its own, if the hold before it is.
    const SQL: &str = concat!(
        "
        select p.origin, p.status, p.assigned_sim_id, p.updated_at as line_updated_at,
               case when $2::text is null or 'unknown' in ($2, $3) then p.created_at
                    else greatest(p.created_at, min(r.created_at) over ()) end as line_created_at,
               case when $2::text is null or coalesce((
                   select holder.brand_id from reservation holder
                   where holder.msisdn = p.msisdn and holder.created_at <= p.assigned_at
                     and holder.state not in ('PENDING', 'REJECTED')
                   order by holder.created_at desc
                   limit 1
               ), 'unknown') in ($2, $3) then p.assigned_at end as assigned_at,
               r.id, r.preview_id, r.external_id, r.state, coalesce(r.set_aside, r.last_error) as last_error,
               r.hold_expires_at, r.created_at, r.updated_at
        from (select $1::char(11) as msisdn) asked
        left join phone_number p on p.msisdn = asked.msisdn
        left join reservation r on r.msisdn = asked.msisdn and ($2::text is null or r.brand_id in ($2, $3))
        where (p.msisdn is not null or r.id is not null)
          and ($2::text is null or ",
        brand_of_number!("asked.msisdn", "p.status"),
        " in ($2, $3))
        order by r.id desc"
    );
    let [brand, older] = Tenant::parameters(tenant);
    let rows = connections.all(|| sqlx::query(SQL).bind(msisdn.to_string()).bind(brand).bind(older)).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let read = || {
        let holds: Result<Vec<_>, _> = rows.iter().map(hold).collect();
        Ok(Number::new(msisdn, line(first)?, holds?.into_iter().flatten().collect()))
    };
    read().map(Some).map_err(|error: sqlx::Error| store_error(&error))
}

fn line(row: &PgRow) -> Result<Option<Line>, sqlx::Error> {
    let Some(status) = maybe_status(row, "status")? else { return Ok(None) };
    Ok(Some(Line {
        origin: row.try_get("origin")?,
        status,
        assigned_sim_id: row.try_get::<Option<Uuid>, _>("assigned_sim_id")?.map(SimId::from),
        assigned_at: row.try_get("assigned_at")?,
        created_at: row.try_get("line_created_at")?,
        updated_at: row.try_get("line_updated_at")?,
    }))
}

fn hold(row: &PgRow) -> Result<Option<HoldRecord>, sqlx::Error> {
    let Some(id) = row.try_get::<Option<Uuid>, _>("id")? else { return Ok(None) };
    Ok(Some(HoldRecord {
        id: id.into(),
        preview: row.try_get::<Option<Uuid>, _>("preview_id")?.map(Into::into),
        external_id: parsed(row, "external_id").ok(),
        state: parsed(row, "state")?,
        reason: row.try_get("last_error")?,
        hold_expires_at: row.try_get("hold_expires_at")?,
        created_at: row.try_get::<DateTime<Utc>, _>("created_at")?,
        updated_at: row.try_get::<DateTime<Utc>, _>("updated_at")?,
    }))
}

//! A number on a line, and the view of one number.

use async_trait::async_trait;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::connections::{is_foreign_key_violation, is_unique_violation};
use crate::domain::{Assign, Msisdn, Number, RACES, Scope, SimId};
use crate::store::StoreError;
use crate::store::lines::{LineStore, number, number_row, other_number_if_shown};
use crate::store::live::live;
use crate::store::rows::DataRow;
use crate::store::sims::{self, other_number_of_sim};
use crate::store::tenant::brand_of_number;

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

#[async_trait]
impl LineStore for PostgresStore {
    async fn assign(&self, scope: Scope<'_>, msisdn: Msisdn, sim: SimId) -> Result<Assign, StoreError> {
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
        let [brand, older] = scope.parameters();
        for _ in 0..RACES {
            let statement =
                || sqlx::query(SQL).bind(msisdn.to_string()).bind(brand).bind(older).bind(sim.as_uuid());
            let read = |row: &PgRow| {
                let (unchanged, written) = (row.flag("unchanged")?, row.flag("written")?);
                Ok((number_row(row)?, other_number_if_shown(row)?, unchanged, written))
            };
            let found = match self.connections.maybe(statement, read).await {
                // The existing database has a table of SIMs, and refuses one that is not there.
                Err(error) if is_foreign_key_violation(&error) => return Ok(Assign::UnknownSim),
                // Another number got the SIM meanwhile: the next look sees which one.
                Err(error) if is_unique_violation(&error, sims::INDEX) => continue,
                answered => answered?,
            };
            let Some((seen, other, unchanged, written)) = found else { return Ok(Assign::Unknown) };
            match (seen.assign_refusal(sim), other) {
                (Some(answer), _) if unchanged || scope.is_all_brands() => return Ok(answer),
                (None, _) if written => return Ok(Assign::Assigned),
                (None, Some(other)) if unchanged => return Ok(Assign::SimHasNumber(other)),
                // The number changed under the statement: the next look sees how, and whose it is.
                _ => {}
            }
        }
        Err(StoreError::unavailable("the number kept changing"))
    }

    async fn number(&self, scope: Scope<'_>, msisdn: Msisdn) -> Result<Option<Number>, StoreError> {
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
        let [brand, older] = scope.parameters();
        let statement = || sqlx::query(SQL).bind(msisdn.to_string()).bind(brand).bind(older);
        self.connections.read(statement, |rows| number(msisdn, rows)).await
    }
}

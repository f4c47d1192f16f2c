//! Assignments of numbers to lines, and the view of one number, on PostgreSQL.

use async_trait::async_trait;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::connections::{is_foreign_key_violation, is_unique_violation};
use crate::domain::{Assign, Msisdn, Number, RACES, Scope, SimId, sim_refusal};
use crate::store::StoreError;
use crate::store::lines::{LineStore, number, number_row, sim_of_assignment};
use crate::store::live::live;
use crate::store::rows::DataRow;
use crate::store::sims::{self, other_number_of_sim};
use crate::store::tenant::brand_of_number;

/// Begins a statement that changes the numbers of the relation `member`, and their live reservations. `$member` is the query that
/// makes it, with the columns `msisdn`, `brand` and `older`. `locked` has both rows, which stay locked, so that a decision by them is
/// still true when it is written. The reservations are locked first, as in every other statement, and rows of a table in the order of
/// their keys. A number of older data has no reservation that names its order, so the order itself is looked for; its beginning
/// changes the number. If a number changed before it was locked, it may have another reservation than the one that was found, and belong to
/// another brand: then it is not `unchanged`, and the statement has to be run again. A number that does not belong to the tenant,
/// `brand` and `older`, is left out.
macro_rules! locked_numbers {
    ($member:literal) => {
        concat!(
            "
        with member as materialized (", $member, "
        ), before as materialized (
            select p.msisdn, p.updated_at from phone_number p join member on member.msisdn = p.msisdn
        ), live as materialized (
            select r.msisdn, r.id, r.state, r.due_at, r.order_id is not null as ordered
            from reservation r
            join member on member.msisdn = r.msisdn
            where ", live!("r.state"), "
            order by r.id
            for update of r
        ), number as materialized (
            select p.msisdn, p.status, p.assigned_sim_id, p.updated_at
            from phone_number p
            join member on member.msisdn = p.msisdn
            where (select count(*) from live) >= 0
            order by p.msisdn
            for update of p
        ), locked as materialized (
            select member.*, number.status, number.assigned_sim_id,
                   number.updated_at is not distinct from before.updated_at as unchanged,
                   live.id as live_id, live.state as live_state, live.due_at <= clock_timestamp() as live_due,
                   case when live.id is null then ",
            $crate::store::live::is_ordered!("member.msisdn"),
            " else live.ordered end as ordered
            from member
            join number on number.msisdn = member.msisdn
            join before on before.msisdn = member.msisdn
            left join live on live.msisdn = member.msisdn
            where member.brand is null or number.updated_at is distinct from before.updated_at
               or ",
            $crate::store::tenant::brand_of_number!("member.msisdn", "number.status"),
            " in (member.brand, member.older)
        )"
        )
    };
}
pub(super) use locked_numbers;

#[async_trait]
impl LineStore for PostgresStore {
    async fn assign(&self, scope: Scope<'_>, msisdn: Msisdn, sim: SimId) -> Result<Assign, StoreError> {
        const SQL: &str = concat!(
            locked_numbers!("select $1::char(11) as msisdn, $2::text as brand, $3::text as older"),
            ", other as materialized (",
            other_number_of_sim!("$4", "$1::char(11)"),
            "), chosen as materialized (
                select s.id, s.line_id, s.status from sim s
                where s.id = $4 and ($2::text is null or s.carrier_tag in ($2, $3))
            ), line as (
                update phone_number p
                set status = 'IN_USE', assigned_sim_id = $4, shares_sim = false, assigned_at = clock_timestamp(),
                    updated_at = clock_timestamp()
                from locked
                where p.msisdn = $1::char(11) and locked.status = 'RESERVED' and locked.unchanged
                  and coalesce(locked.live_state, 'HELD') in ('HELD', 'ASSIGNED') and not locked.ordered
                  and not exists (select from other) and exists (select from chosen where chosen.status = 'ACTIVE')
                returning p.msisdn
            ), history as (
                insert into association_history (msisdn, sim_id, line_id, created_at)
                select line.msisdn, chosen.id, chosen.line_id, clock_timestamp() from line, chosen
            ), assigned as (
                update reservation r
                set state = 'ASSIGNED', due_at = null, updated_at = clock_timestamp(), changed_by = $5,
                    named_changes = r.named_changes + 1
                from locked, line
                where r.id = locked.live_id and r.state = 'HELD'
            )
            select locked.*, exists (select from line) as written, (select msisdn from other) as other_number,
                   (select status from chosen) as sim_status,
                   exists (
                       select from other
                       where $2::text is null or ",
            brand_of_number!("other.msisdn", "other.status"),
            " in ($2, $3)
                   ) as shows_other
            from locked"
        );
        let [brand, older] = scope.parameters();
        for _ in 0..RACES {
            let statement = || {
                let number = sqlx::query(SQL).bind(msisdn.to_string()).bind(brand).bind(older);
                number.bind(sim.as_uuid()).bind(self.client())
            };
            let read = |row: &PgRow| {
                let (unchanged, written) = (row.flag("unchanged")?, row.flag("written")?);
                Ok((number_row(row)?, sim_of_assignment(row)?, unchanged, written))
            };
            let found = match self.connections.maybe(statement, read).await {
                // Another program deleted the SIM meanwhile.
                Err(error) if is_foreign_key_violation(&error) => return Ok(Assign::UnknownSim),
                // Another number got the SIM meanwhile: read again which one.
                Err(error) if is_unique_violation(&error, sims::INDEX) => continue,
                answered => answered?,
            };
            let Some((locked, (status, other), unchanged, written)) = found else {
                return Ok(Assign::Unknown);
            };
            match (locked.assign_refusal(sim), sim_refusal(status, other)) {
                (Some(answer), _) if unchanged || scope.is_all_brands() => return Ok(answer),
                (None, _) if written => return Ok(Assign::Assigned),
                (None, Some(answer)) if unchanged => return Ok(answer),
                // The number changed during the statement: read it and its owner again.
                _ => {}
            }
        }
        Err(StoreError::unavailable("the number kept changing"))
    }

    async fn number(&self, scope: Scope<'_>, msisdn: Msisdn) -> Result<Option<Number>, StoreError> {
        // One row for each hold, each with the number's own columns, or one row without a hold. A brand must not learn when
        // another brand had the number. So for this brand the number begins with the brand's first hold, unless the number is
        // older than our records. The last assignment belongs to the brand if the hold before it does.
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
            from (select $1::char(11) as msisdn) named
            left join phone_number p on p.msisdn = named.msisdn
            left join reservation r on r.msisdn = named.msisdn and ($2::text is null or r.brand_id in ($2, $3))
            where (p.msisdn is not null or r.id is not null)
              and ($2::text is null or ",
            brand_of_number!("named.msisdn", "p.status"),
            " in ($2, $3))
            order by r.id desc"
        );
        let [brand, older] = scope.parameters();
        let statement = || sqlx::query(SQL).bind(msisdn.to_string()).bind(brand).bind(older);
        self.connections.read(statement, |rows| number(msisdn, rows)).await
    }
}

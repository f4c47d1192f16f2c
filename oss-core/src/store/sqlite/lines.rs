//! Assignments of numbers to lines, and the view of one number, on SQLite.

use async_trait::async_trait;

use super::SqliteStore;
use super::connections::Step;
use crate::domain::{
    Assign, AttemptEvent, Msisdn, Number, NumberRow, OtherNumber, Scope, SimId, SimStatus, sim_refusal,
};
use crate::store::StoreError;
use crate::store::lines::{LineStore, number, number_row, read_number, sim_of_assignment};
use crate::store::sims::other_number_of_sim;
use crate::store::tenant::brand_of_number;

#[async_trait]
impl LineStore for SqliteStore {
    async fn assign(&self, scope: Scope<'_>, msisdn: Msisdn, sim: SimId) -> Result<Assign, StoreError> {
        let brands = scope.owned_parameters();
        self.connections.write(move |step| Box::pin(step.assign(brands, msisdn, sim))).await
    }

    async fn number(&self, scope: Scope<'_>, msisdn: Msisdn) -> Result<Option<Number>, StoreError> {
        // One row for each hold, each with the number's own columns, or one row without a hold. A brand must not learn when
        // another brand had the number. So for this brand the number begins with the brand's first hold, unless the number is
        // older than our records. The last assignment belongs to the brand if the hold before it does.
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
            from (select $1 as msisdn) named
            left join phone_number p on p.msisdn = named.msisdn
            left join reservation r on r.msisdn = named.msisdn and ($2 is null or r.brand_id in ($2, $3))
            where (p.msisdn is not null or r.id is not null)
              and ($2 is null or ",
            brand_of_number!("named.msisdn", "p.status"),
            " in ($2, $3))
            order by r.id desc"
        );
        let [brand, older] = scope.parameters();
        let statement = sqlx::query(SQL).bind(msisdn.as_str()).bind(brand).bind(older);
        self.connections.read(statement, |rows| number(msisdn, rows)).await
    }
}

impl Step<'_> {
    async fn assign(
        mut self,
        brands: [Option<String>; 2],
        msisdn: Msisdn,
        sim: SimId,
    ) -> Result<Assign, sqlx::Error> {
        const LINE: &str = "
            update phone_number
            set status = 'IN_USE', assigned_sim_id = $2, shares_sim = 0, assigned_at = $3, updated_at = $3
            where msisdn = $1 and status = 'RESERVED'";
        const ASSIGNED: &str = "
            update reservation
            set state = $2, due_at = null, updated_at = $3, changed_by = $4, named_changes = named_changes + 1
            where id = $1 and state = 'HELD'";

        let row = self.number_row(brands.clone(), msisdn).await?;
        let Some(row) = row else { return Ok(Assign::Unknown) };
        if let Some(answer) = row.assign_refusal(sim) {
            return Ok(answer);
        }
        let (status, other) = self.sim_of_assignment(brands, msisdn, sim).await?;
        if let Some(answer) = sim_refusal(status, other) {
            return Ok(answer);
        }
        self.run(sqlx::query(LINE).bind(msisdn.as_str()).bind(sim.as_uuid()).bind(self.now.0)).await?;
        if let Some(live) = row.live
            && let Some(next) = live.state.after(AttemptEvent::Assigned)
        {
            let statement =
                sqlx::query(ASSIGNED).bind(live.id.as_uuid()).bind(next.as_str()).bind(self.now.0);
            self.run(statement.bind(self.client())).await?;
        }
        self.record_association(msisdn, sim).await?;
        Ok(Assign::Assigned)
    }

    /// Records that a number is on a SIM from now on.
    pub(super) async fn record_association(&mut self, msisdn: Msisdn, sim: SimId) -> Result<(), sqlx::Error> {
        const SQL: &str = "
            insert into association_history (msisdn, sim_id, line_id, created_at)
            select $1, id, line_id, $3 from sim where id = $2";
        let statement = sqlx::query(SQL).bind(msisdn.as_str()).bind(sim.as_uuid()).bind(self.now.0);
        self.run(statement).await.map(drop)
    }

    /// Reads the status of a SIM of the brands, and another number that the SIM has.
    async fn sim_of_assignment(
        &mut self,
        [brand, older]: [Option<String>; 2],
        msisdn: Msisdn,
        sim: SimId,
    ) -> Result<(Option<SimStatus>, Option<OtherNumber>), sqlx::Error> {
        const SQL: &str = concat!(
            "
            select s.status as sim_status, other.msisdn as other_number, $3 is null or ",
            brand_of_number!("other.msisdn", "other.status"),
            " in ($3, $4) as shows_other
            from sim s
            left join (",
            other_number_of_sim!("$2", "$1"),
            ") other on true
            where s.id = $2 and ($3 is null or s.carrier_tag in ($3, $4))"
        );
        let statement = sqlx::query(SQL).bind(msisdn.as_str()).bind(sim.as_uuid()).bind(brand).bind(older);
        Ok(self.maybe(statement, sim_of_assignment).await?.unwrap_or_default())
    }

    /// Reads a number that belongs to the brands, and the live reservation that has it.
    pub(super) async fn number_row(
        &mut self,
        [brand, older]: [Option<String>; 2],
        msisdn: Msisdn,
    ) -> Result<Option<NumberRow>, sqlx::Error> {
        const SQL: &str = read_number!("$1", "$4");
        let statement = sqlx::query(SQL).bind(msisdn.as_str()).bind(brand).bind(older).bind(self.now.0);
        self.maybe(statement, number_row).await
    }
}

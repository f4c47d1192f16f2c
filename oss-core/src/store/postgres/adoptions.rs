//! Adoptions on PostgreSQL.

use async_trait::async_trait;

use super::PostgresStore;
use super::connections::{is_foreign_key_violation, is_unique_violation};
use crate::domain::{
    AdoptOutcome, Adoption, AdoptionRow, AdoptionVerdict, ExternalId, NumberStatus, RACES, ReservationId,
    SimId, Tenant,
};
use crate::store::StoreError;
use crate::store::adoptions::{ADOPTION, AdoptionStore, adoption_row};
use crate::store::live::{is_ordered, live};
use crate::store::offering::offering;
use crate::store::rows::DataRow;
use crate::store::sims;

#[async_trait]
impl AdoptionStore for PostgresStore {
    async fn adopt(
        &self,
        tenant: &Tenant,
        id: ReservationId,
        adoption: &Adoption,
    ) -> Result<AdoptOutcome, StoreError> {
        for _ in 0..RACES {
            let row = self.read_adoption(adoption).await?;
            let (live, external_id) = match row.verdict(tenant, adoption) {
                AdoptionVerdict::Answer(outcome) => return Ok(outcome),
                AdoptionVerdict::Write { live, external_id } => (live, external_id),
            };
            let decided = Decided { row: &row, live, external_id: &external_id };
            match self.write_adoption(tenant, id, adoption, decided).await {
                Ok(true) => return Ok(AdoptOutcome::Adopted(external_id)),
                // The number changed since it was read, or its SIM got another number: read again.
                Ok(false) => {}
                Err(error) if is_unique_violation(&error, sims::INDEX) => {}
                Err(error) if is_foreign_key_violation(&error) => return Ok(AdoptOutcome::UnknownSim),
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::unavailable("the number kept changing"))
    }
}

impl PostgresStore {
    async fn read_adoption(&self, adoption: &Adoption) -> Result<AdoptionRow, StoreError> {
        let external_id = adoption.external_id.as_ref().map(ExternalId::as_str);
        let (msisdn, sim) = (adoption.msisdn, adoption.sim);
        let statement =
            || sqlx::query(ADOPTION).bind(msisdn.to_string()).bind(external_id).bind(sim.as_uuid());
        self.connections.one(statement, adoption_row).await
    }

    /// Writes the adoption if the number is still as it was read. Returns whether it was.
    async fn write_adoption(
        &self,
        tenant: &Tenant,
        id: ReservationId,
        adoption: &Adoption,
        decided: Decided<'_>,
    ) -> Result<bool, StoreError> {
        // The new row names the preview that offered the number, so that a repeated reserve from it finds the number on its line.
        const SQL: &str = concat!(
            "
            with before as materialized (
                select updated_at from phone_number where msisdn = $1::char(11)
            ), live as materialized (
                select id, order_id from reservation
                where msisdn = $1::char(11) and ", live!("state"), "
                for update
            ), number as materialized (
                select status, assigned_sim_id, updated_at from phone_number
                where msisdn = $1::char(11) and (select count(*) from live) >= 0
                for update
            ), unchanged as materialized (
                select
                where (select id from live) is not distinct from $6::uuid
                  and (select status from number) is not distinct from $7::text
                  and (select assigned_sim_id from number) is not distinct from $8::uuid
                  and (select updated_at from number) is not distinct from (select updated_at from before)
                  and (select order_id from live) is null
                  and not ", is_ordered!("$1::char(11)"), "
            ), kept as (
                update reservation r
                set state = 'ASSIGNED', due_at = null, updated_at = clock_timestamp(), changed_by = $9,
                    named_changes = r.named_changes + 1
                from unchanged
                where r.id = $6::uuid and r.state in ('HELD', 'ASSIGNED')
                returning r.id
            ), recorded as (
                insert into reservation (id, preview_id, external_id, brand_id, msisdn, state, changed_by)
                select $2, (",
            offering!("$3", "$1::char(11)"),
            "), $3, $4, $1::char(11), 'ASSIGNED', $9::text
                from unchanged
                where $6::uuid is null and not exists (
                    select from reservation o
                    where o.msisdn = $1::char(11) and o.external_id = $3
                      and o.state in ('RELEASING', 'CANCELLING', 'RELEASED')
                )
                on conflict do nothing
                returning id, preview_id
            ), chosen as (
                update preview set reserved_msisdn = $1::char(11) from recorded where preview.id = recorded.preview_id
            ), line as (
                insert into phone_number (msisdn, origin, status, assigned_sim_id, assigned_at, unrecorded)
                select $1::char(11), 'VIVO', 'IN_USE', $5, clock_timestamp(), false
                from (select id from kept union all select id from recorded) held
                on conflict (msisdn) do update
                set origin = excluded.origin, status = excluded.status, assigned_sim_id = excluded.assigned_sim_id,
                    assigned_at = excluded.assigned_at, updated_at = clock_timestamp(),
                    shares_sim = phone_number.shares_sim
                                 and phone_number.assigned_sim_id is not distinct from excluded.assigned_sim_id
                where phone_number.status is not distinct from $7::text
                returning msisdn
            ), history as (
                insert into association_history (msisdn, sim_id, line_id, created_at)
                select line.msisdn, s.id, s.line_id, clock_timestamp()
                from line
                join sim s on s.id = $5
                where $8::uuid is distinct from $5
            )
            select exists (select from line) as written"
        );
        let Decided { row, live, external_id } = decided;
        let statement = || {
            sqlx::query(SQL)
                .bind(adoption.msisdn.to_string())
                .bind(id.as_uuid())
                .bind(external_id.as_str())
                .bind(tenant.brand().as_str())
                .bind(adoption.sim.as_uuid())
                .bind(live.map(ReservationId::as_uuid))
                .bind(row.status.as_ref().map(NumberStatus::as_str))
                .bind(row.sim.map(SimId::as_uuid))
                .bind(self.client())
        };
        self.connections.one(statement, |row| row.flag("written")).await
    }
}

/// The row that was read, and the decision that follows from it.
#[derive(Clone, Copy)]
struct Decided<'a> {
    row: &'a AdoptionRow,
    live: Option<ReservationId>,
    external_id: &'a ExternalId,
}

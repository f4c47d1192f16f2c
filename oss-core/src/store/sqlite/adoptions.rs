//! Adoptions on SQLite.

use async_trait::async_trait;

use super::SqliteStore;
use super::connections::Step;
use crate::domain::{AdoptOutcome, Adoption, AdoptionVerdict, ExternalId, ReservationId, Tenant};
use crate::store::StoreError;
use crate::store::adoptions::{ADOPTION, AdoptionStore, adoption_row};
use crate::store::offering::offering;
use crate::store::rows::DataRow;

#[async_trait]
impl AdoptionStore for SqliteStore {
    async fn adopt(
        &self,
        tenant: &Tenant,
        id: ReservationId,
        adoption: &Adoption,
    ) -> Result<AdoptOutcome, StoreError> {
        let (tenant, adoption) = (tenant.clone(), adoption.clone());
        self.connections.write(move |step| Box::pin(step.adopt(tenant, id, adoption))).await
    }
}

impl Step<'_> {
    async fn adopt(
        mut self,
        tenant: Tenant,
        id: ReservationId,
        adoption: Adoption,
    ) -> Result<AdoptOutcome, sqlx::Error> {
        const LINE: &str = "
            insert into phone_number (msisdn, origin, status, assigned_sim_id, assigned_at, created_at, updated_at, unrecorded)
            values ($1, 'VIVO', 'IN_USE', $2, $3, $3, $3, 0)
            on conflict (msisdn) do update
            set origin = excluded.origin, status = excluded.status, assigned_sim_id = excluded.assigned_sim_id,
                assigned_at = excluded.assigned_at, updated_at = excluded.updated_at,
                shares_sim = phone_number.shares_sim and phone_number.assigned_sim_id is excluded.assigned_sim_id";

        let (msisdn, sim) = (adoption.msisdn, adoption.sim.as_uuid());
        let external_id = adoption.external_id.as_ref().map(ExternalId::as_str);
        let statement = sqlx::query(ADOPTION).bind(msisdn.as_str()).bind(external_id).bind(sim);
        let row = self.one(statement, adoption_row).await?;
        let (live, external_id) = match row.verdict(&tenant, &adoption) {
            AdoptionVerdict::Answer(outcome) => return Ok(outcome),
            AdoptionVerdict::Write { live, external_id } => (live, external_id),
        };
        // The event of the attempt names the SIM of the number, so the number is written first.
        self.run(sqlx::query(LINE).bind(msisdn.as_str()).bind(sim).bind(self.now.0)).await?;
        match live {
            Some(live) => self.assign_attempt(live).await?,
            None => self.insert_hold(&tenant, id, &adoption, &external_id).await?,
        }
        if row.sim != Some(adoption.sim) {
            self.record_association(msisdn, adoption.sim).await?;
        }
        Ok(AdoptOutcome::Adopted(external_id))
    }

    async fn assign_attempt(&mut self, live: ReservationId) -> Result<(), sqlx::Error> {
        const KEPT: &str = "
            update reservation
            set state = 'ASSIGNED', due_at = null, updated_at = $2, changed_by = $3, named_changes = named_changes + 1
            where id = $1 and state in ('HELD', 'ASSIGNED')";
        let statement = sqlx::query(KEPT).bind(live.as_uuid()).bind(self.now.0);
        self.run(statement.bind(self.client())).await.map(drop)
    }

    /// Inserts the hold's row. The row names the preview that offered the number, so that a repeated reserve from it finds the
    /// number on its line.
    async fn insert_hold(
        &mut self,
        tenant: &Tenant,
        id: ReservationId,
        adoption: &Adoption,
        external_id: &ExternalId,
    ) -> Result<(), sqlx::Error> {
        const RECORDED: &str = concat!(
            "
            insert into reservation (id, preview_id, external_id, brand_id, msisdn, state, created_at, updated_at, changed_by)
            select $1, (",
            offering!("$2", "$4"),
            "), $2, $3, $4, 'ASSIGNED', $5, $5, $6
            returning preview_id"
        );
        const CHOSEN: &str = "update preview set reserved_msisdn = $2 where id = $1";
        let statement = sqlx::query(RECORDED)
            .bind(id.as_uuid())
            .bind(external_id.as_str())
            .bind(tenant.brand().as_str())
            .bind(adoption.msisdn.as_str())
            .bind(self.now.0)
            .bind(self.client());
        if let Some(preview) = self.one(statement, |row| row.maybe_uuid("preview_id")).await? {
            self.run(sqlx::query(CHOSEN).bind(preview).bind(adoption.msisdn.as_str())).await?;
        }
        Ok(())
    }
}

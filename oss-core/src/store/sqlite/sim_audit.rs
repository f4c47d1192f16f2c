//! The audit of SIMs on SQLite.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::SqliteStore;
use super::connections::Step;
use crate::domain::{ActiveSim, BrandId, KnownSim, Msisdn, SimDelivery, SimId, Tenant};
use crate::store::StoreError;
use crate::store::orders::ended_sim;
use crate::store::rows::to_json;
use crate::store::sim_audit::{SimAuditStore, SimRange, active_sim, known_sim};

#[async_trait]
impl SimAuditStore for SqliteStore {
    async fn known_sims(
        &self,
        listed: &[(SimId, Msisdn)],
        young: Duration,
    ) -> Result<Vec<KnownSim>, StoreError> {
        const SQL: &str = "
            select s.status as sim_status, s.iccid, s.vivo_imsi, own.msisdn as own_number, o.state, p.status as number_status,
                   max(coalesce(s.updated_at, 0), coalesce(o.updated_at, 0), coalesce(own.updated_at, 0)) > $2 as young
            from (
                select key as place, unhex(value ->> 0) as id, value ->> 1 as msisdn from json_each($1)
            ) listed
            left join sim s on s.id = listed.id
            left join sim_order o on o.id = listed.id
            left join phone_number own on own.assigned_sim_id = listed.id and own.status = 'IN_USE' and not own.shares_sim
            left join phone_number p on p.msisdn = listed.msisdn
            order by listed.place";
        let listed: Vec<_> = listed
            .iter()
            .map(|(id, msisdn)| (id.as_uuid().simple().to_string(), msisdn.to_string()))
            .collect();
        let listed = to_json(&listed).map_err(|error| self.connections.store_error(&error))?;
        let born = self.connections.now().before(young);
        self.connections.all(sqlx::query(SQL).bind(listed).bind(born), known_sim).await
    }

    async fn active_sims(
        &self,
        tenant: &Tenant,
        range: SimRange,
        young: Duration,
        limit: u32,
    ) -> Result<Vec<ActiveSim>, StoreError> {
        const SQL: &str = "
            select s.id, p.msisdn, max(s.updated_at, coalesce(p.updated_at, 0)) > $3 as young
            from sim s
            join sim_order o on o.id = s.id
            left join phone_number p on p.assigned_sim_id = s.id and p.status = 'IN_USE' and not p.shares_sim
            where s.id > $1 and s.id <= $2 and s.status = 'ACTIVE' and s.carrier_tag in ($5, $6)
            order by s.id
            limit $4";
        let [brand, older] = tenant.own_brands();
        let statement = sqlx::query(SQL)
            .bind(range.after.map_or(Uuid::nil(), SimId::as_uuid))
            .bind(range.until.map_or(Uuid::max(), SimId::as_uuid))
            .bind(self.connections.now().before(young))
            .bind(i64::from(limit))
            .bind(brand)
            .bind(older);
        self.connections.all(statement, active_sim).await
    }

    async fn release_stray_sim(
        &self,
        id: SimId,
        msisdn: Msisdn,
        brand: &BrandId,
        deliver_within: Duration,
    ) -> Result<Option<SimDelivery>, StoreError> {
        let brand = brand.clone();
        self.connections
            .write(move |step| Box::pin(step.release_stray_sim(id, msisdn, brand, deliver_within)))
            .await
    }
}

impl Step<'_> {
    async fn release_stray_sim(
        mut self,
        id: SimId,
        msisdn: Msisdn,
        brand: BrandId,
        deliver_within: Duration,
    ) -> Result<Option<SimDelivery>, sqlx::Error> {
        const SQL: &str = "
            insert into sim_order (id, msisdn, carrier_tag, sim_type, state, due_at, attempts, last_error, created_at, updated_at,
                                   changed_by)
            select $1, $2, $3, 'ESIM', 'RELEASING', $4, 0, 'stray', $5, $5, $6
            where not exists (select 1 from sim where id = $1 and status = 'ACTIVE')
              and not exists (select 1 from phone_number where msisdn = $2 and status <> 'RETURNED')
            on conflict (id) do update
            set state = 'RELEASING', due_at = excluded.due_at, attempts = 0, last_error = 'stray', updated_at = $5,
                changed_by = $6, named_changes = sim_order.named_changes + 1
            where sim_order.state in ('RELEASED', 'REJECTED')
            returning id as ended_id, sim_type as ended_type";
        let statement = sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(msisdn.as_str())
            .bind(brand.as_str())
            .bind(self.now.after(deliver_within))
            .bind(self.now.0)
            .bind(self.client());
        Ok(self.maybe(statement, ended_sim).await?.flatten())
    }
}

//! The audit of SIMs on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::PostgresStore;
use crate::domain::{ActiveSim, BrandId, KnownSim, Msisdn, SimDelivery, SimId, Tenant};
use crate::store::StoreError;
use crate::store::orders::ended_sim;
use crate::store::sim_audit::{SimAuditStore, SimRange, active_sim, known_sim};

#[async_trait]
impl SimAuditStore for PostgresStore {
    async fn known_sims(
        &self,
        listed: &[(SimId, Msisdn)],
        young: Duration,
    ) -> Result<Vec<KnownSim>, StoreError> {
        const SQL: &str = "
            select s.status as sim_status, s.iccid, s.vivo_imsi, own.msisdn as own_number, o.state, p.status as number_status,
                   greatest(s.updated_at, o.updated_at, own.updated_at) > now() - make_interval(secs => $3) as young
            from unnest((select $1::uuid[]), (select $2::char(11)[])) with ordinality as listed (id, msisdn, place)
            left join sim s on s.id = listed.id
            left join sim_order o on o.id = listed.id
            left join phone_number own on own.assigned_sim_id = listed.id and own.status = 'IN_USE' and not own.shares_sim
            left join phone_number p on p.msisdn = listed.msisdn
            order by listed.place";
        let (ids, msisdns): (Vec<Uuid>, Vec<String>) =
            listed.iter().map(|(id, msisdn)| (id.as_uuid(), msisdn.to_string())).unzip();
        let statement = || sqlx::query(SQL).bind(ids.clone()).bind(msisdns.clone()).bind(young.as_secs_f64());
        self.connections.all(statement, known_sim).await
    }

    async fn active_sims(
        &self,
        tenant: &Tenant,
        range: SimRange,
        young: Duration,
        limit: u32,
    ) -> Result<Vec<ActiveSim>, StoreError> {
        const SQL: &str = "
            select s.id, p.msisdn,
                   greatest(s.updated_at, p.updated_at) > now() - make_interval(secs => $3) as young
            from sim s
            join sim_order o on o.id = s.id
            left join phone_number p on p.assigned_sim_id = s.id and p.status = 'IN_USE' and not p.shares_sim
            where s.id > $1 and s.id <= $2 and s.status = 'ACTIVE' and s.carrier_tag in ($5, $6)
            order by s.id
            limit $4";
        let [brand, older] = tenant.own_brands();
        let statement = || {
            sqlx::query(SQL)
                .bind(range.after.map_or(Uuid::nil(), SimId::as_uuid))
                .bind(range.until.map_or(Uuid::max(), SimId::as_uuid))
                .bind(young.as_secs_f64())
                .bind(i64::from(limit))
                .bind(brand)
                .bind(older)
        };
        self.connections.all(statement, active_sim).await
    }

    async fn release_stray_sim(
        &self,
        id: SimId,
        msisdn: Msisdn,
        brand: &BrandId,
        deliver_within: Duration,
    ) -> Result<Option<SimDelivery>, StoreError> {
        const SQL: &str = "
            insert into sim_order (id, msisdn, carrier_tag, sim_type, state, due_at, attempts, last_error, changed_by)
            select $1, $2::char(11), $3, 'ESIM', 'RELEASING', clock_timestamp() + make_interval(secs => $4), 0, 'stray', $5::text
            where not exists (select from sim where id = $1 and status = 'ACTIVE')
              and not exists (select from phone_number where msisdn = $2::char(11) and status <> 'RETURNED')
            on conflict (id) do update
            set state = 'RELEASING', due_at = excluded.due_at, attempts = 0, last_error = 'stray',
                updated_at = clock_timestamp(), changed_by = excluded.changed_by, named_changes = sim_order.named_changes + 1
            where sim_order.state in ('RELEASED', 'REJECTED')
            returning id as ended_id, sim_type as ended_type";
        let statement = || {
            sqlx::query(SQL)
                .bind(id.as_uuid())
                .bind(msisdn.to_string())
                .bind(brand.as_str())
                .bind(deliver_within.as_secs_f64())
                .bind(self.client())
        };
        Ok(self.connections.maybe(statement, ended_sim).await?.flatten())
    }
}

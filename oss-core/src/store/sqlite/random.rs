//! Attempts without a preview, on SQLite.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use super::attempts::Origin;
use super::connections::Step;
use crate::domain::{
    BeginRandom, BrandId, Ddd, Hold, IdempotencyKey, Intent, Keyed, Lease, ReservationId, Scope,
};
use crate::store::StoreError;
use crate::store::live::live;
use crate::store::random::{RandomStore, keyed_row};
use crate::store::rows::DataRow;

#[async_trait]
impl RandomStore for SqliteStore {
    async fn begin_random(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        key: Option<&IdempotencyKey>,
        lease: Duration,
    ) -> Result<BeginRandom, StoreError> {
        let started = Lease { reservation: id, call: 1, brand: brand.clone(), hold: hold.clone() };
        let key = key.cloned();
        self.connections.write(move |step| Box::pin(step.begin_random(started, key, lease))).await
    }

    async fn resume_keyed(
        &self,
        scope: Scope<'_>,
        id: ReservationId,
        key: &IdempotencyKey,
        ddd: Ddd,
        intent: Intent,
    ) -> Result<Option<Keyed>, StoreError> {
        let (brands, key) = (scope.owned_parameters(), key.clone());
        self.connections.write(move |step| Box::pin(step.resume_keyed(brands, id, key, ddd, intent))).await
    }
}

impl Step<'_> {
    async fn begin_random(
        mut self,
        started: Lease,
        key: Option<IdempotencyKey>,
        lease: Duration,
    ) -> Result<BeginRandom, sqlx::Error> {
        // A repeated step finds its own row.
        const SQL: &str = concat!("
            select exists (select 1 from reservation where id = $1) as begun,
                   exists (
                       select 1 from reservation where client = $3 and idempotency_key = $4 and state <> 'REJECTED'
                   ) as keyed,
                   exists (select 1 from phone_number where msisdn = $2 and status <> 'RETURNED')
                   or exists (
                       select 1 from reservation
                       where msisdn = $2
                         and (
                             ", live!("state"), "
                             or state in ('RELEASING', 'CANCELLING') and external_id = $5
                         )
                   ) as taken,
                   exists (
                       select 1 from reservation where msisdn = $2 and state in ('PENDING', 'IN_DOUBT')
                   ) as unsettled");
        let statement = sqlx::query(SQL)
            .bind(started.reservation.as_uuid())
            .bind(started.hold.msisdn.as_str())
            .bind(key.as_ref().map(|key| key.client().as_str()))
            .bind(key.as_ref().map(IdempotencyKey::text))
            .bind(started.hold.external_id.as_str());
        let read = |row: &SqliteRow| {
            Ok((row.flag("begun")?, row.flag("keyed")?, row.flag("unsettled")?, row.flag("taken")?))
        };
        match self.one(statement, read).await? {
            (true, ..) => Ok(BeginRandom::Started(started)),
            (_, true, ..) => Ok(BeginRandom::KeyInUse),
            (_, _, true, _) => Ok(BeginRandom::Unsettled),
            (.., true) => Ok(BeginRandom::Taken),
            (false, false, false, false) => {
                self.insert(&started, Origin { preview: None, key }, lease).await?;
                Ok(BeginRandom::Started(started))
            }
        }
    }

    async fn resume_keyed(
        mut self,
        [brand, older]: [Option<String>; 2],
        id: ReservationId,
        key: IdempotencyKey,
        ddd: Ddd,
        intent: Intent,
    ) -> Result<Option<Keyed>, sqlx::Error> {
        const SQL: &str = "
            select r.id, r.external_id, r.brand_id, r.msisdn, r.state, r.attempts,
                   r.due_at <= $3 and r.order_id is null as due, r.hold_expires_at,
                   coalesce(r.lease_id = $7, false) as leased, number.status,
                   substr(r.msisdn, 1, 2) = $4 and ($5 is null or r.brand_id in ($5, $6)) as same_request
            from reservation r
            left join phone_number number on number.msisdn = r.msisdn
            where r.client = $1 and r.idempotency_key = $2 and r.state <> 'REJECTED'";
        let statement = sqlx::query(SQL)
            .bind(key.client().as_str())
            .bind(key.text())
            .bind(self.now.0)
            .bind(ddd.to_string())
            .bind(brand)
            .bind(older)
            .bind(id.as_uuid());
        let Some(keyed) = self.maybe(statement, keyed_row).await? else { return Ok(None) };
        let leased = keyed.own.leased;
        match (keyed.verdict(), intent) {
            (Keyed::Resumed(_), Intent::Look) => Ok(Some(Keyed::InDoubt)),
            (Keyed::Resumed(resumed), Intent::Take(_)) if leased => Ok(Some(Keyed::Resumed(resumed))),
            (Keyed::Resumed(resumed), Intent::Take(lease)) => {
                self.take_up(id, &resumed, lease).await?;
                Ok(Some(Keyed::Resumed(resumed)))
            }
            (verdict, _) => Ok(Some(verdict)),
        }
    }
}

//! Attempts without a preview, on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use crate::domain::{
    BeginRandom, BrandId, Ddd, Hold, IdempotencyKey, Intent, Keyed, Lease, RACES, ReservationId, Scope,
};
use crate::store::StoreError;
use crate::store::live::live;
use crate::store::random::{RandomStore, keyed_row};
use crate::store::rows::DataRow;

#[async_trait]
impl RandomStore for PostgresStore {
    async fn begin_random(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        key: Option<&IdempotencyKey>,
        lease: Duration,
    ) -> Result<BeginRandom, StoreError> {
        // A repeated statement finds its own row.
        const SQL: &str = concat!("
            with checks as (
                select exists (select from reservation where id = $1) as begun,
                       exists (
                           select from reservation where client = $6 and idempotency_key = $7 and state <> 'REJECTED'
                       ) as keyed,
                       exists (select from phone_number where msisdn = $4::char(11) and status <> 'RETURNED')
                       or coalesce(other.live or other.ending, false) as taken,
                       coalesce(other.unsettled, false) as unsettled
                from (
                    select bool_or(", live!("state"), ") as live,
                           bool_or(state in ('PENDING', 'IN_DOUBT')) as unsettled,
                           bool_or(external_id = $2) as ending
                    from reservation
                    where msisdn = $4::char(11) and state not in ('RELEASED', 'REJECTED')
                ) other
            ), started as (
                insert into reservation
                    (id, external_id, brand_id, msisdn, state, due_at, client, idempotency_key, lease_id)
                select $1, $2, $3, $4, 'PENDING', clock_timestamp() + make_interval(secs => $5), $6, $7, $1
                from checks
                where not keyed and not taken
                on conflict do nothing
                returning id
            )
            select begun or exists (select from started) as written, keyed, taken, unsettled from checks");
        let statement = || {
            sqlx::query(SQL)
                .bind(id.as_uuid())
                .bind(hold.external_id.as_str())
                .bind(brand.as_str())
                .bind(hold.msisdn.to_string())
                .bind(lease.as_secs_f64())
                .bind(key.map(|key| key.client().as_str()))
                .bind(key.map(IdempotencyKey::text))
        };
        for _ in 0..RACES {
            let read = |row: &PgRow| {
                Ok((row.flag("written")?, row.flag("keyed")?, row.flag("unsettled")?, row.flag("taken")?))
            };
            match self.connections.one(statement, read).await? {
                (true, ..) => {
                    let (brand, hold) = (brand.clone(), hold.clone());
                    return Ok(BeginRandom::Started(Lease { reservation: id, call: 1, brand, hold }));
                }
                (_, true, ..) => return Ok(BeginRandom::KeyInUse),
                (_, _, true, _) => return Ok(BeginRandom::Unsettled),
                (.., true) => return Ok(BeginRandom::Taken),
                // Another call wrote first: read again what it wrote.
                (false, false, false, false) => {}
            }
        }
        Ok(BeginRandom::Unsettled)
    }

    async fn resume_keyed(
        &self,
        scope: Scope<'_>,
        id: ReservationId,
        key: &IdempotencyKey,
        ddd: Ddd,
        intent: Intent,
    ) -> Result<Option<Keyed>, StoreError> {
        const SQL: &str = "
            with own as (
                select r.id, r.external_id, r.brand_id, r.msisdn, r.state, r.attempts, r.due_at <= clock_timestamp() as due,
                       coalesce(r.lease_id = $7, false) as leased, number.status,
                       left(r.msisdn, 2) = $3 and ($5::text is null or r.brand_id in ($5, $6)) as same_request
                from reservation r
                left join phone_number number on number.msisdn = r.msisdn
                where r.client = $1 and r.idempotency_key = $2 and r.state <> 'REJECTED'
            ), resumed as (
                update reservation r
                set state = 'PENDING', attempts = r.attempts + 1, updated_at = clock_timestamp(), lease_id = $7,
                    due_at = clock_timestamp() + make_interval(secs => $4)
                from own
                where $4::float8 is not null and r.id = own.id and not own.leased and r.attempts = own.attempts
                  and own.same_request
                  and (r.state = 'IN_DOUBT' or r.state = 'PENDING' and r.due_at <= clock_timestamp())
                returning true
            )
            select own.*, exists (select from resumed) as written from own";
        let [brand, older] = scope.parameters();
        let statement = || {
            sqlx::query(SQL)
                .bind(key.client().as_str())
                .bind(key.text())
                .bind(ddd.to_string())
                .bind(intent.lease().map(|lease| lease.as_secs_f64()))
                .bind(brand)
                .bind(older)
                .bind(id.as_uuid())
        };
        for _ in 0..RACES {
            let read = |row: &PgRow| Ok((keyed_row(row)?, row.flag("written")? || row.flag("leased")?));
            let Some((keyed, written)) = self.connections.maybe(statement, read).await? else {
                return Ok(None);
            };
            match keyed.verdict() {
                Keyed::Resumed(_) if intent == Intent::Look => return Ok(Some(Keyed::InDoubt)),
                // Another call wrote first: read again what it wrote.
                Keyed::Resumed(_) if !written => {}
                verdict => return Ok(Some(verdict)),
            }
        }
        Ok(Some(Keyed::InFlight))
    }
}

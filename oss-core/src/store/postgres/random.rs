//! Attempts without a preview, on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::connections::{Connections, column};
use crate::domain::{
    BeginRandom, BrandId, Ddd, Hold, IdempotencyKey, Intent, Keyed, Lease, RACES, ReservationId, Scope,
};
use crate::store::StoreError;
use crate::store::batch::{Answers, Key, Member};
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
        let begun = Lease { reservation: id, call: 1, brand: brand.clone(), hold: hold.clone() };
        for _ in 0..RACES {
            let start = Start { begun: begun.clone(), key: key.cloned(), lease };
            match self.batches.starts.execute(start).await? {
                Checks { written: true, .. } => return Ok(BeginRandom::Started(begun)),
                Checks { keyed: true, .. } => return Ok(BeginRandom::KeyInUse),
                Checks { unsettled: true, .. } => return Ok(BeginRandom::Unsettled),
                Checks { taken: true, .. } => return Ok(BeginRandom::Taken),
                // Another call wrote first: read again what it wrote.
                Checks { .. } => {}
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
                select r.id, r.external_id, r.brand_id, r.msisdn, r.state, r.attempts,
                       r.due_at <= clock_timestamp() and r.order_id is null as due, r.hold_expires_at,
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

/// The start of an attempt at a random number.
#[derive(Debug)]
pub(in crate::store) struct Start {
    begun: Lease,
    key: Option<IdempotencyKey>,
    lease: Duration,
}

/// The state that the start of an attempt found.
#[expect(clippy::struct_excessive_bools, reason = "each is a column")]
#[derive(Debug)]
pub(in crate::store) struct Checks {
    written: bool,
    keyed: bool,
    taken: bool,
    unsettled: bool,
}

impl Member for Start {
    type Engine = Connections;
    type Answer = Checks;

    fn keys(&self) -> Vec<Key> {
        let number = Key::of(self.begun.hold.msisdn);
        std::iter::once(number).chain(self.key.as_ref().map(Key::of)).collect()
    }

    async fn run(connections: &Connections, starts: &[Self]) -> Answers<Checks> {
        // A repeated statement finds its own rows. Rows are written in the order of their numbers, so that two batches do not wait
        // for each other.
        const SQL: &str = concat!("
            with member as (
                select *
                from unnest((select $1::uuid[]), (select $2::text[]), (select $3::text[]), (select $4::char(11)[]),
                            (select $5::float8[]), (select $6::text[]), (select $7::text[]))
                     with ordinality as m (id, external_id, brand_id, msisdn, lease_for, client, idempotency_key, nr)
            ), checks as (
                select member.*, exists (select from reservation r where r.id = member.id) as begun,
                       exists (
                           select from reservation r
                           where r.client = member.client and r.idempotency_key = member.idempotency_key
                             and r.state <> 'REJECTED'
                       ) as keyed,
                       exists (select from phone_number p where p.msisdn = member.msisdn and p.status <> 'RETURNED')
                       or coalesce(other.live or other.ending, false) as taken,
                       coalesce(other.unsettled, false) as unsettled
                from member
                cross join lateral (
                    select bool_or(", live!("r.state"), ") as live,
                           bool_or(r.state in ('PENDING', 'IN_DOUBT')) as unsettled,
                           bool_or(r.external_id = member.external_id) as ending
                    from reservation r
                    where r.msisdn = member.msisdn and r.state not in ('RELEASED', 'REJECTED')
                ) other
            ), started as (
                insert into reservation
                    (id, external_id, brand_id, msisdn, state, due_at, client, idempotency_key, lease_id)
                select id, external_id, brand_id, msisdn, 'PENDING', clock_timestamp() + make_interval(secs => lease_for),
                       client, idempotency_key, id
                from checks
                where not keyed and not taken
                order by msisdn
                on conflict do nothing
                returning id
            )
            select nr, begun or id in (select id from started) as written, keyed, taken, unsettled from checks");
        let statement = || {
            sqlx::query(SQL)
                .bind(column(starts, |start| start.begun.reservation.as_uuid()))
                .bind(column(starts, |start| start.begun.hold.external_id.as_str()))
                .bind(column(starts, |start| start.begun.brand.as_str()))
                .bind(column(starts, |start| start.begun.hold.msisdn.to_string()))
                .bind(column(starts, |start| start.lease.as_secs_f64()))
                .bind(column(starts, |start| start.key.as_ref().map(|key| key.client().as_str())))
                .bind(column(starts, |start| start.key.as_ref().map(IdempotencyKey::text)))
        };
        let read = |_, row: &PgRow| {
            let (written, keyed) = (row.flag("written")?, row.flag("keyed")?);
            Ok(Checks { written, keyed, taken: row.flag("taken")?, unsettled: row.flag("unsettled")? })
        };
        connections.each_one(starts.len(), statement, read).await
    }
}

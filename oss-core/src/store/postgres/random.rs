//! The attempts that come from no preview: a random number, and the repeats of a call that named itself by a key.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::connections::{Connections, store_error};
use crate::numbers::{BrandId, Ddd, IdempotencyKey, ReservationId};
use crate::sigan::Hold;
use crate::store::facts::{KeyedRow, Own, RACES};
use crate::store::rows::parsed;
use crate::store::{BeginRandom, Keyed, Lease, StoreError, Tenant};

pub(super) async fn begin(
    connections: &Connections,
    id: ReservationId,
    hold: &Hold,
    brand: &BrandId,
    key: Option<&IdempotencyKey>,
    lease: Duration,
) -> Result<BeginRandom, StoreError> {
    // A repeated statement finds its own row.
    const SQL: &str = "
        with facts as (
            select exists (select from reservation where id = $1) as begun,
                   exists (
                       select from reservation where client = $6 and idempotency_key = $7 and state <> 'REJECTED'
                   ) as keyed,
                   exists (select from phone_number where msisdn = $4::char(11) and status <> 'RETURNED')
                   or exists (
                       select from reservation
                       where msisdn = $4::char(11) and state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED')
                   ) as taken
        ), started as (
            insert into reservation (id, external_id, brand_id, msisdn, state, due_at, client, idempotency_key)
            select $1, $2, $3, $4, 'PENDING', clock_timestamp() + make_interval(secs => $5), $6, $7
            from facts
            where not keyed and not taken
            on conflict do nothing
            returning id
        )
        select begun or exists (select from started) as written, keyed, taken from facts";
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
        let row = connections.one(statement).await?;
        let read = || Ok((row.try_get("written")?, row.try_get("keyed")?, row.try_get("taken")?));
        match read().map_err(|error: sqlx::Error| store_error(&error))? {
            (true, _, _) => {
                return Ok(BeginRandom::Started(Lease { reservation: id, call: 1, hold: hold.clone() }));
            }
            (_, true, _) => return Ok(BeginRandom::KeyInUse),
            (_, _, true) => return Ok(BeginRandom::Taken),
            // Another call wrote first: the next look sees what it wrote.
            (false, false, false) => {}
        }
    }
    Ok(BeginRandom::Taken)
}

pub(super) async fn resume(
    connections: &Connections,
    tenant: Option<&Tenant>,
    key: &IdempotencyKey,
    ddd: Ddd,
    lease: Option<Duration>,
) -> Result<Option<Keyed>, StoreError> {
    const SQL: &str = "
        with own as (
            select id, external_id, msisdn, state, attempts, due_at <= clock_timestamp() as due,
                   left(msisdn, 2) = $3 and ($5::text is null or brand_id in ($5, $6)) as same_request
            from reservation
            where client = $1 and idempotency_key = $2 and state <> 'REJECTED'
        ), resumed as (
            update reservation r
            set state = 'PENDING', attempts = r.attempts + 1, updated_at = clock_timestamp(),
                due_at = clock_timestamp() + make_interval(secs => $4)
            from own
            where $4::float8 is not null and r.id = own.id and r.attempts = own.attempts and own.same_request
              and (r.state = 'IN_DOUBT' or r.state = 'PENDING' and r.due_at <= clock_timestamp())
            returning true
        )
        select own.*, exists (select from resumed) as written from own";
    let [brand, older] = Tenant::parameters(tenant);
    let statement = || {
        sqlx::query(SQL)
            .bind(key.client().as_str())
            .bind(key.text())
            .bind(ddd.to_string())
            .bind(lease.map(|lease| lease.as_secs_f64()))
            .bind(brand)
            .bind(older)
    };
    for _ in 0..RACES {
        let Some(row) = connections.maybe(statement).await? else { return Ok(None) };
        let read = || Ok((keyed(&row)?, row.try_get::<bool, _>("written")?));
        let (keyed, written) = read().map_err(|error: sqlx::Error| store_error(&error))?;
        match keyed.verdict() {
            Keyed::Resumed(_) if lease.is_none() => return Ok(Some(Keyed::InDoubt)),
            // Another call wrote first: the next look sees what it wrote.
            Keyed::Resumed(_) if !written => {}
            verdict => return Ok(Some(verdict)),
        }
    }
    Ok(Some(Keyed::InFlight))
}

fn keyed(row: &PgRow) -> Result<KeyedRow, sqlx::Error> {
    let own = Own {
        id: row.try_get::<Uuid, _>("id")?.into(),
        msisdn: parsed(row, "msisdn")?,
        state: parsed(row, "state")?,
        attempts: row.try_get("attempts")?,
        // A state that is never due has no time.
        due: row.try_get::<Option<bool>, _>("due")?.unwrap_or(false),
    };
    Ok(KeyedRow { own, external_id: parsed(row, "external_id")?, same_request: row.try_get("same_request")? })
}

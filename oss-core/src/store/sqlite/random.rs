//! The attempts that come from no preview: a random number, and the repeats of a call that named itself by a key.

use std::time::Duration;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::connections::Micros;
use super::reservations::{Attempt, insert, resume as take_up};
use crate::numbers::{Ddd, IdempotencyKey};
use crate::sigan::Hold;
use crate::store::facts::{KeyedRow, Own};
use crate::store::rows::parsed;
use crate::store::{BeginRandom, Keyed, Lease, Tenant};

pub(super) async fn begin(
    connection: &mut SqliteConnection,
    now: Micros,
    attempt: Attempt,
    hold: Hold,
    lease: Duration,
) -> Result<BeginRandom, sqlx::Error> {
    // A repeated step finds its own row.
    const SQL: &str = "
        select exists (select 1 from reservation where id = $1) as begun,
               exists (
                   select 1 from reservation where client = $3 and idempotency_key = $4 and state <> 'REJECTED'
               ) as keyed,
               exists (select 1 from phone_number where msisdn = $2 and status <> 'RETURNED')
               or exists (
                   select 1 from reservation
                   where msisdn = $2 and state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED')
               ) as taken";
    let row = sqlx::query(SQL)
        .bind(attempt.id.as_uuid())
        .bind(hold.msisdn.as_str())
        .bind(attempt.key.as_ref().map(|key| key.client().as_str()))
        .bind(attempt.key.as_ref().map(IdempotencyKey::text))
        .fetch_one(&mut *connection)
        .await?;
    let started = Lease { reservation: attempt.id, call: 1, hold };
    match (row.try_get("begun")?, row.try_get("keyed")?, row.try_get("taken")?) {
        (true, _, _) => Ok(BeginRandom::Started(started)),
        (false, true, _) => Ok(BeginRandom::KeyInUse),
        (false, false, true) => Ok(BeginRandom::Taken),
        (false, false, false) => {
            insert(connection, now, attempt, &started.hold, lease).await?;
            Ok(BeginRandom::Started(started))
        }
    }
}

pub(super) async fn resume(
    connection: &mut SqliteConnection,
    now: Micros,
    tenant: Option<Tenant>,
    key: IdempotencyKey,
    ddd: Ddd,
    lease: Option<Duration>,
) -> Result<Option<Keyed>, sqlx::Error> {
    const SQL: &str = "
        select id, external_id, msisdn, state, attempts, due_at <= $3 as due,
               substr(msisdn, 1, 2) = $4 and ($5 is null or brand_id in ($5, $6)) as same_request
        from reservation
        where client = $1 and idempotency_key = $2 and state <> 'REJECTED'";
    let [brand, older] = Tenant::parameters(tenant.as_ref());
    let row = sqlx::query(SQL)
        .bind(key.client().as_str())
        .bind(key.text())
        .bind(now.0)
        .bind(ddd.to_string())
        .bind(brand)
        .bind(older)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let own = Own {
        id: row.try_get::<Uuid, _>("id")?.into(),
        msisdn: parsed(&row, "msisdn")?,
        state: parsed(&row, "state")?,
        attempts: row.try_get("attempts")?,
        // A state that is never due has no time.
        due: row.try_get::<Option<bool>, _>("due")?.unwrap_or(false),
    };
    let external_id = parsed(&row, "external_id")?;
    let keyed = KeyedRow { own, external_id, same_request: row.try_get("same_request")? };
    match (keyed.verdict(), lease) {
        (Keyed::Resumed(_), None) => Ok(Some(Keyed::InDoubt)),
        (Keyed::Resumed(resumed), Some(lease)) => {
            take_up(connection, now, &resumed, lease).await?;
            Ok(Some(Keyed::Resumed(resumed)))
        }
        (verdict, _) => Ok(Some(verdict)),
    }
}

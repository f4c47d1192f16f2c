//! The attempts that come from no preview: a random number, and the repeats of a call that named itself by a key.

use std::time::Duration;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::connections::Micros;
use super::reservations::{Origin, insert, resume as take_up};
use crate::domain::{Ddd, IdempotencyKey, Intent, KeyedRow, OwnAttempt, ReservationId};
use crate::store::live::live;
use crate::store::rows::{maybe_status, parsed};
use crate::store::{BeginRandom, Keyed, Lease, Tenant};

pub(super) async fn begin(
    connection: &mut SqliteConnection,
    now: Micros,
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
    let row = sqlx::query(SQL)
        .bind(started.reservation.as_uuid())
        .bind(started.hold.msisdn.as_str())
        .bind(key.as_ref().map(|key| key.client().as_str()))
        .bind(key.as_ref().map(IdempotencyKey::text))
        .bind(started.hold.external_id.as_str())
        .fetch_one(&mut *connection)
        .await?;
    let flag = |column| row.try_get::<bool, _>(column);
    match (flag("begun")?, flag("keyed")?, flag("unsettled")?, flag("taken")?) {
        (true, ..) => Ok(BeginRandom::Started(started)),
        (_, true, ..) => Ok(BeginRandom::KeyInUse),
        (_, _, true, _) => Ok(BeginRandom::Unsettled),
        (.., true) => Ok(BeginRandom::Taken),
        (false, false, false, false) => {
            insert(connection, now, &started, Origin { preview: None, key }, lease).await?;
            Ok(BeginRandom::Started(started))
        }
    }
}

pub(super) async fn resume(
    connection: &mut SqliteConnection,
    now: Micros,
    tenant: Option<Tenant>,
    id: ReservationId,
    key: IdempotencyKey,
    ddd: Ddd,
    intent: Intent,
) -> Result<Option<Keyed>, sqlx::Error> {
    const SQL: &str = "
        select r.id, r.external_id, r.brand_id, r.msisdn, r.state, r.attempts, r.due_at <= $3 as due,
               coalesce(r.lease_id = $7, false) as leased, number.status,
               substr(r.msisdn, 1, 2) = $4 and ($5 is null or r.brand_id in ($5, $6)) as same_request
        from reservation r
        left join phone_number number on number.msisdn = r.msisdn
        where r.client = $1 and r.idempotency_key = $2 and r.state <> 'REJECTED'";
    let [brand, older] = Tenant::parameters(tenant.as_ref());
    let row = sqlx::query(SQL)
        .bind(key.client().as_str())
        .bind(key.text())
        .bind(now.0)
        .bind(ddd.to_string())
        .bind(brand)
        .bind(older)
        .bind(id.as_uuid())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let own = OwnAttempt {
        id: row.try_get::<Uuid, _>("id")?.into(),
        msisdn: parsed(&row, "msisdn")?,
        state: parsed(&row, "state")?,
        attempts: row.try_get("attempts")?,
        // A state that is never due has no time.
        due: row.try_get::<Option<bool>, _>("due")?.unwrap_or(false),
        leased: row.try_get("leased")?,
    };
    let leased = own.leased;
    let keyed = KeyedRow {
        own,
        external_id: parsed(&row, "external_id")?,
        brand: parsed(&row, "brand_id")?,
        status: maybe_status(&row, "status")?,
        same_request: row.try_get("same_request")?,
    };
    match (keyed.verdict(), intent) {
        (Keyed::Resumed(_), Intent::Look) => Ok(Some(Keyed::InDoubt)),
        (Keyed::Resumed(resumed), Intent::Take(_)) if leased => Ok(Some(Keyed::Resumed(resumed))),
        (Keyed::Resumed(resumed), Intent::Take(lease)) => {
            take_up(connection, now, id, &resumed, lease).await?;
            Ok(Some(Keyed::Resumed(resumed)))
        }
        (verdict, _) => Ok(Some(verdict)),
    }
}

//! The attempts to hold a number: begun before Sigan is asked, settled after it answered.

use std::time::Duration;

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::connections::Micros;
use crate::domain::{
    AttemptEvent, Choice, IdempotencyKey, Intent, Msisdn, Others, OwnAttempt, PreviewId, PreviewRow,
    ReservationId, ReservationState, Verdict, delivery,
};
use crate::sigan::Hold;
use crate::store::live::live;
use crate::store::rows::{maybe_parsed, maybe_status, parsed};
use crate::store::{Begin, Confirmed, Delivery, Lease, Tenant};

pub(super) async fn begin(
    connection: &mut SqliteConnection,
    now: Micros,
    tenant: Option<Tenant>,
    id: ReservationId,
    preview: PreviewId,
    choice: Choice,
    intent: Intent,
) -> Result<Begin, sqlx::Error> {
    const ASKED: &str = concat!(
        r#"
        select p.external_id, p.brand_id, p.expires_at > $3 as open, p.reserved_msisdn is not null as gave_before,
               n.msisdn, number.status,
               own.id as own_id, own.msisdn as own_msisdn, own.state as own_state, own.attempts as own_attempts,
               own.due_at <= $3 as own_due, own.lease_id = $6 as own_leased,
               exists (
                   select 1 from reservation other
                   where other.msisdn = n.msisdn
                     and "#,
        live!("other.state"),
        r#"
                     and other.preview_id is not p.id
               ) as other_live,
               exists (
                   select 1 from reservation other
                   where other.msisdn = n.msisdn and other.state in ('PENDING', 'IN_DOUBT')
                     and other.preview_id is not p.id
               ) as other_unsettled,
               exists (
                   select 1 from reservation other
                   where other.msisdn = n.msisdn and other.state in ('RELEASING', 'CANCELLING')
                     and other.external_id = p.external_id and other.preview_id is not p.id
               ) as other_ending
        from preview p
        left join preview_number n on n.preview_id = p.id and n."index" = $2
        left join phone_number number on number.msisdn = n.msisdn
        left join reservation own on own.preview_id = p.id and own.state <> 'REJECTED'
        where p.id = $1 and ($4 is null or p.brand_id in ($4, $5))"#
    );

    let [brand, older] = Tenant::parameters(tenant.as_ref());
    let row = sqlx::query(ASKED)
        .bind(preview.as_uuid())
        .bind(i64::from(choice.get()))
        .bind(now.0)
        .bind(brand)
        .bind(older)
        .bind(id.as_uuid())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(Begin::UnknownPreview) };
    match (asked(&row)?.verdict(id), intent) {
        (Verdict::Answer(answer), _) => Ok(answer),
        (Verdict::Start(_) | Verdict::Resume(_), Intent::Look) => Ok(Begin::Free),
        (Verdict::Start(started), Intent::Take(lease)) => {
            insert(connection, now, &started, Origin { preview: Some(preview), key: None }, lease).await?;
            Ok(Begin::Started(started))
        }
        (Verdict::Resume(resumed), Intent::Take(lease)) => {
            resume(connection, now, id, &resumed, lease).await?;
            Ok(Begin::Started(resumed))
        }
    }
}

fn asked(row: &SqliteRow) -> Result<PreviewRow, sqlx::Error> {
    let own = match row.try_get::<Option<Uuid>, _>("own_id")? {
        Some(id) => Some(OwnAttempt {
            id: id.into(),
            msisdn: parsed(row, "own_msisdn")?,
            state: parsed(row, "own_state")?,
            attempts: row.try_get("own_attempts")?,
            // A state that is never due has no time.
            due: row.try_get::<Option<bool>, _>("own_due")?.unwrap_or(false),
            leased: row.try_get::<Option<bool>, _>("own_leased")?.unwrap_or(false),
        }),
        None => None,
    };
    Ok(PreviewRow {
        external_id: parsed(row, "external_id")?,
        brand: parsed(row, "brand_id")?,
        open: row.try_get("open")?,
        gave_before: row.try_get("gave_before")?,
        msisdn: maybe_parsed(row, "msisdn")?,
        status: maybe_status(row, "status")?,
        others: Others {
            live: row.try_get("other_live")?,
            unsettled: row.try_get("other_unsettled")?,
            ending: row.try_get("other_ending")?,
        },
        own,
    })
}

/// Where an attempt comes from.
pub(super) struct Origin {
    pub(super) preview: Option<PreviewId>,
    pub(super) key: Option<IdempotencyKey>,
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    now: Micros,
    started: &Lease,
    origin: Origin,
    lease: Duration,
) -> Result<(), sqlx::Error> {
    const SQL: &str = "
        insert into reservation
            (id, preview_id, external_id, brand_id, msisdn, state, due_at, client, idempotency_key, lease_id, created_at,
             updated_at)
        values ($1, $2, $3, $4, $5, 'PENDING', $6, $7, $8, $1, $9, $9)";
    let Origin { preview, key } = origin;
    sqlx::query(SQL)
        .bind(started.reservation.as_uuid())
        .bind(preview.map(PreviewId::as_uuid))
        .bind(started.hold.external_id.as_str())
        .bind(started.brand.as_str())
        .bind(started.hold.msisdn.as_str())
        .bind(now.after(lease))
        .bind(key.as_ref().map(|key| key.client().as_str()))
        .bind(key.as_ref().map(IdempotencyKey::text))
        .bind(now.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes an attempt up again that nobody works on, with a lease of the attempt `id`.
pub(super) async fn resume(
    connection: &mut SqliteConnection,
    now: Micros,
    id: ReservationId,
    resumed: &Lease,
    lease: Duration,
) -> Result<(), sqlx::Error> {
    const SQL: &str = "
        update reservation
        set state = 'PENDING', attempts = $2, due_at = $3, updated_at = $4, lease_id = $5
        where id = $1 and state in ('PENDING', 'IN_DOUBT')";
    sqlx::query(SQL)
        .bind(resumed.reservation.as_uuid())
        .bind(resumed.call)
        .bind(now.after(lease))
        .bind(now.0)
        .bind(id.as_uuid())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn abandon(
    connection: &mut SqliteConnection,
    now: Micros,
    leases: Vec<ReservationId>,
) -> Result<Vec<ReservationId>, sqlx::Error> {
    const SQL: &str = "
        update reservation
        set state = case attempts when 1 then 'REJECTED' else state end,
            due_at = case attempts when 1 then null else $2 end,
            last_error = 'its lease was not used', updated_at = $2
        where lease_id = $1 and state = 'PENDING'";
    let mut ended = Vec::new();
    for lease in leases {
        let written = sqlx::query(SQL).bind(lease.as_uuid()).bind(now.0).execute(&mut *connection).await?;
        ended.extend((written.rows_affected() > 0).then_some(lease));
    }
    Ok(ended)
}

pub(super) async fn confirm(
    connection: &mut SqliteConnection,
    now: Micros,
    lease: Lease,
    hold_for: Duration,
) -> Result<Confirmed, sqlx::Error> {
    const STATE: &str = "
        select state, attempts, preview_id, coalesce(due_at <= $2, false) as due from reservation where id = $1";
    const HELD: &str = "
        update reservation
        set state = $2, last_error = null, hold_expires_at = $3, due_at = $3, updated_at = $4
        where id = $1 and state = $5";

    let row = sqlx::query(STATE).bind(lease.reservation.as_uuid()).bind(now.0);
    let Some(row) = row.fetch_optional(&mut *connection).await? else { return Ok(Confirmed::Missing) };
    let state: ReservationState = parsed(&row, "state")?;
    if let Some(next) = state.after(AttemptEvent::Confirmed) {
        sqlx::query(HELD)
            .bind(lease.reservation.as_uuid())
            .bind(next.as_str())
            .bind(now.after(hold_for))
            .bind(now.0)
            .bind(state.as_str())
            .execute(&mut *connection)
            .await?;
        reserve_number(connection, now, lease.hold.msisdn.as_str(), row.try_get("preview_id")?).await?;
        return Ok(Confirmed::Held);
    }
    match state {
        ReservationState::Held if row.try_get("due")? => Ok(Confirmed::Released),
        ReservationState::Releasing | ReservationState::Released => Ok(Confirmed::Released),
        ReservationState::Cancelling => {
            let Lease { reservation, hold, .. } = lease;
            Ok(Confirmed::GivenUp(Delivery { reservation, hold, attempts: row.try_get("attempts")? }))
        }
        ReservationState::Rejected => confirmed_too_late(connection, now, lease).await,
        // It was confirmed before. An attempt that waits for its answer has been confirmed above.
        ReservationState::Held
        | ReservationState::Assigned
        | ReservationState::Pending
        | ReservationState::InDoubt => Ok(Confirmed::Held),
    }
}

/// A hold confirmed after it was given up gets a row of its own, so that Sigan is told to release it. It carries the preview,
/// unless the preview has another attempt by now. If another attempt is at work on this very hold, it is that attempt's to end.
async fn confirmed_too_late(
    connection: &mut SqliteConnection,
    now: Micros,
    lease: Lease,
) -> Result<Confirmed, sqlx::Error> {
    const SQL: &str = "
        insert into reservation
            (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts, last_error, created_at, updated_at)
        select $2,
               case when not exists (
                   select 1 from reservation other
                   where other.preview_id = r.preview_id and other.state <> 'REJECTED'
               ) then r.preview_id end,
               r.external_id, r.brand_id, r.msisdn, 'RELEASING', $3, 0, 'confirmed too late', $3, $3
        from reservation r
        where r.id = $1
        on conflict do nothing";
    let release = ReservationId::new();
    let written = sqlx::query(SQL)
        .bind(lease.reservation.as_uuid())
        .bind(release.as_uuid())
        .bind(now.0)
        .execute(connection)
        .await?;
    if written.rows_affected() == 0 {
        return Ok(Confirmed::Released);
    }
    let Hold { external_id, msisdn } = lease.hold;
    Ok(Confirmed::GivenUp(delivery(release, external_id, msisdn)))
}

/// The number is `RESERVED`, and its preview names it.
pub(super) async fn reserve_number(
    connection: &mut SqliteConnection,
    now: Micros,
    msisdn: &str,
    preview: Option<Uuid>,
) -> Result<(), sqlx::Error> {
    const NUMBER: &str = "
        insert into phone_number (msisdn, origin, status, created_at, updated_at)
        values ($1, 'VIVO', 'RESERVED', $2, $2)
        on conflict (msisdn) do update
        set status = 'RESERVED', assigned_sim_id = null, updated_at = $2
        where phone_number.status = 'RETURNED'";
    const CHOSEN: &str = "update preview set reserved_msisdn = $2 where id = $1";
    sqlx::query(NUMBER).bind(msisdn).bind(now.0).execute(&mut *connection).await?;
    sqlx::query(CHOSEN).bind(preview).bind(msisdn).execute(connection).await?;
    Ok(())
}

/// The attempt of a lease whose latest call is that of the lease: its state, and its preview.
async fn of_call(
    connection: &mut SqliteConnection,
    lease: &Lease,
) -> Result<Option<(ReservationState, Option<Uuid>)>, sqlx::Error> {
    const SQL: &str = "select state, preview_id from reservation where id = $1 and attempts = $2";
    let row = sqlx::query(SQL).bind(lease.reservation.as_uuid()).bind(lease.call);
    let Some(row) = row.fetch_optional(connection).await? else { return Ok(None) };
    Ok(Some((parsed(&row, "state")?, row.try_get("preview_id")?)))
}

/// Writes the state that the attempt of a call has after its answer, why, and when it is due.
async fn write_state(
    connection: &mut SqliteConnection,
    now: Micros,
    lease: &Lease,
    (state, reason): (ReservationState, &str),
    due_at: Option<i64>,
) -> Result<(), sqlx::Error> {
    const SQL: &str = "
        update reservation
        set state = $3, last_error = $4, due_at = $5, updated_at = $6
        where id = $1 and attempts = $2 and state = 'PENDING'";
    let attempt = sqlx::query(SQL).bind(lease.reservation.as_uuid()).bind(lease.call);
    let written = attempt.bind(state.as_str()).bind(reason).bind(due_at).bind(now.0);
    written.execute(connection).await.map(drop)
}

pub(super) async fn doubt(
    connection: &mut SqliteConnection,
    now: Micros,
    lease: Lease,
    reason: String,
    retry_in: Duration,
) -> Result<bool, sqlx::Error> {
    let Some((state, preview)) = of_call(connection, &lease).await? else { return Ok(false) };
    // A step whose answer was lost is repeated, and finds what it wrote.
    let Some(next) = state.after(AttemptEvent::Doubted) else {
        return Ok(state == ReservationState::InDoubt);
    };
    let due_at = Some(now.after(retry_in));
    write_state(&mut *connection, now, &lease, (next, &reason), due_at).await?;
    reserve_number(connection, now, lease.hold.msisdn.as_str(), preview).await?;
    Ok(true)
}

pub(super) async fn reject(
    connection: &mut SqliteConnection,
    now: Micros,
    lease: Lease,
    reason: String,
) -> Result<(), sqlx::Error> {
    let attempt = of_call(connection, &lease).await?;
    match attempt.and_then(|(state, _)| state.after(AttemptEvent::Refused)) {
        Some(next) => write_state(connection, now, &lease, (next, &reason), None).await,
        None => Ok(()),
    }
}

pub(super) async fn cancel(
    connection: &mut SqliteConnection,
    now: Micros,
    lease: Lease,
    reason: String,
    tell_within: Duration,
) -> Result<Option<Delivery>, sqlx::Error> {
    let Some((state, preview)) = of_call(connection, &lease).await? else { return Ok(None) };
    match state.after(AttemptEvent::GivenUp) {
        Some(next) => {
            let due_at = Some(now.after(tell_within));
            write_state(&mut *connection, now, &lease, (next, &reason), due_at).await?;
            free_number(connection, now, lease.hold.msisdn, preview).await?;
        }
        // A repeated step finds the row as it left it. The number may be held again by now, so it is not touched.
        None if state == ReservationState::Cancelling => {}
        None => return Ok(None),
    }
    let Lease { reservation, call: attempts, hold, .. } = lease;
    Ok(Some(Delivery { reservation, hold, attempts }))
}

/// Takes back what a doubt had recorded.
async fn free_number(
    connection: &mut SqliteConnection,
    now: Micros,
    msisdn: Msisdn,
    preview: Option<Uuid>,
) -> Result<(), sqlx::Error> {
    const NUMBER: &str = "
        update phone_number
        set status = 'RETURNED', assigned_sim_id = null, updated_at = $2
        where msisdn = $1 and status = 'RESERVED'";
    const PREVIEW: &str = "update preview set reserved_msisdn = null where id = $1 and reserved_msisdn = $2";
    sqlx::query(NUMBER).bind(msisdn.as_str()).bind(now.0).execute(&mut *connection).await?;
    sqlx::query(PREVIEW).bind(preview).bind(msisdn.as_str()).execute(connection).await?;
    Ok(())
}

//! Attempts to hold a number of a preview, on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use crate::domain::{
    Begin, Choice, Confirmed, Delivery, Intent, Lease, PreviewId, RACES, ReservationId, ReservationState,
    Scope, Verdict, delivery,
};
use crate::store::StoreError;
use crate::store::attempts::{AttemptStore, preview_row};
use crate::store::live::live;
use crate::store::rows::DataRow;

/// The common table expressions that make the numbers of `$attempts` `RESERVED`, and let their previews name them.
macro_rules! reserve_numbers {
    ($attempts:literal) => {
        concat!(
            "number as (
                insert into phone_number (msisdn, origin, status)
                select msisdn, 'VIVO', 'RESERVED' from ",
            $attempts,
            "
                on conflict (msisdn) do update
                set status = 'RESERVED', assigned_sim_id = null, updated_at = clock_timestamp()
                where phone_number.status = 'RETURNED'
            ), chosen as (
                update preview set reserved_msisdn = a.msisdn from ",
            $attempts,
            " a where preview.id = a.preview_id
            )"
        )
    };
}
pub(super) use reserve_numbers;

#[async_trait]
impl AttemptStore for PostgresStore {
    async fn begin_reservation(
        &self,
        scope: Scope<'_>,
        id: ReservationId,
        preview: PreviewId,
        choice: Choice,
        intent: Intent,
    ) -> Result<Begin, StoreError> {
        const SQL: &str = concat!("
            with target as (
                select p.external_id, p.brand_id, p.expires_at > clock_timestamp() as open,
                       p.reserved_msisdn is not null as gave_before, n.msisdn, number.status,
                       own.id as own_id, own.msisdn as own_msisdn, own.state as own_state, own.attempts as own_attempts,
                       own.due_at <= clock_timestamp() as own_due, own.lease_id = $1 as own_leased,
                       others.other_live, others.other_unsettled, others.other_ending
                from preview p
                left join preview_number n on n.preview_id = p.id and n.index = $3
                left join phone_number number on number.msisdn = n.msisdn
                left join reservation own on own.preview_id = p.id and own.state <> 'REJECTED'
                left join lateral (
                    select bool_or(", live!("r.state"), ") as other_live,
                           bool_or(r.state in ('PENDING', 'IN_DOUBT')) as other_unsettled,
                           bool_or(r.state in ('RELEASING', 'CANCELLING') and r.external_id = p.external_id) as other_ending
                    from reservation r
                    where r.msisdn = n.msisdn and r.preview_id is distinct from p.id
                      and r.state not in ('RELEASED', 'REJECTED')
                ) others on true
                where p.id = $2 and ($5::text is null or p.brand_id in ($5, $6))
            ), started as (
                insert into reservation (id, preview_id, external_id, brand_id, msisdn, state, due_at, lease_id)
                select $1, $2, external_id, brand_id, msisdn, 'PENDING', clock_timestamp() + make_interval(secs => $4), $1
                from target
                where $4::float8 is not null and own_id is null and open and msisdn is not null and not gave_before
                  and not coalesce(other_live or other_ending, false) and coalesce(status, 'RETURNED') = 'RETURNED'
                on conflict do nothing
                returning true
            ), resumed as (
                update reservation r
                set state = 'PENDING', attempts = r.attempts + 1, updated_at = clock_timestamp(), lease_id = $1,
                    due_at = clock_timestamp() + make_interval(secs => $4)
                from target
                where $4::float8 is not null and r.id = target.own_id and not coalesce(target.own_leased, false)
                  and r.msisdn = target.msisdn and r.attempts = target.own_attempts
                  and (r.state = 'IN_DOUBT' or r.state = 'PENDING' and r.due_at <= clock_timestamp())
                returning true
            )
            select target.*, exists (select from started) or exists (select from resumed) as written
            from target");
        let [brand, older] = scope.parameters();
        let statement = || {
            sqlx::query(SQL)
                .bind(id.as_uuid())
                .bind(preview.as_uuid())
                .bind(i32::from(choice.get()))
                .bind(intent.lease().map(|lease| lease.as_secs_f64()))
                .bind(brand)
                .bind(older)
        };
        for _ in 0..RACES {
            let read = |row: &PgRow| Ok((preview_row(row)?, row.flag("written")?));
            let row = self.connections.maybe(statement, read).await?;
            let Some((preview, written)) = row else { return Ok(Begin::UnknownPreview) };
            match preview.verdict(id) {
                Verdict::Answer(answer) => return Ok(answer),
                Verdict::Start(lease) | Verdict::Resume(lease) if written => {
                    return Ok(Begin::Started(lease));
                }
                Verdict::Start(_) | Verdict::Resume(_) if intent == Intent::Look => return Ok(Begin::Free),
                // Another call wrote first: read again what it wrote.
                Verdict::Start(_) | Verdict::Resume(_) => {}
            }
        }
        Ok(Begin::InFlight)
    }

    async fn confirm(&self, lease: &Lease, hold_for: Duration) -> Result<Confirmed, StoreError> {
        // A hold that is confirmed after its attempt was given up gets a row of its own, so that it is released at Sigan. The row
        // carries the preview, unless the preview has another attempt by now. If another attempt works on the same hold, that
        // attempt has to end it.
        const SQL: &str = concat!(
            "
            with held as (
                update reservation
                set state = 'HELD', last_error = null, updated_at = clock_timestamp(),
                    hold_expires_at = clock_timestamp() + make_interval(secs => $2),
                    due_at = clock_timestamp() + make_interval(secs => $2)
                where id = $1 and state in ('PENDING', 'IN_DOUBT')
                returning msisdn, preview_id
            ), ",
            reserve_numbers!("held"),
            ", given_up as (
                insert into reservation (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts, last_error)
                select $3,
                       case when not exists (
                           select from reservation other
                           where other.preview_id = r.preview_id and other.state <> 'REJECTED'
                       ) then r.preview_id end,
                       r.external_id, r.brand_id, r.msisdn, 'RELEASING', clock_timestamp(), 0, 'confirmed too late'
                from reservation r
                where r.id = $1 and r.state = 'REJECTED'
                on conflict do nothing
                returning true
            )
            select state, attempts, coalesce(due_at <= clock_timestamp(), false) as due, exists (select from held) as held,
                   exists (select from given_up) or exists (select from reservation where id = $3) as given_up
            from reservation
            where id = $1"
        );
        let release = ReservationId::new();
        let statement = || {
            sqlx::query(SQL)
                .bind(lease.reservation.as_uuid())
                .bind(hold_for.as_secs_f64())
                .bind(release.as_uuid())
        };
        for _ in 0..RACES {
            match self.connections.maybe(statement, |row| confirmation(row, lease, release)).await? {
                None => return Ok(Confirmed::Missing),
                Some(Some(confirmed)) => return Ok(confirmed),
                Some(None) => {}
            }
        }
        Err(StoreError::unavailable("the reservation kept changing"))
    }

    async fn abandon(&self, leases: &[ReservationId]) -> Result<Vec<ReservationId>, StoreError> {
        const SQL: &str = "
            update reservation
            set state = case attempts when 1 then 'REJECTED' else state end,
                due_at = case attempts when 1 then null else clock_timestamp() end,
                last_error = 'its lease was not used', updated_at = clock_timestamp()
            where lease_id = any($1) and state = 'PENDING'
            returning lease_id";
        let ids: Vec<Uuid> = leases.iter().map(|lease| lease.as_uuid()).collect();
        self.connections.all(|| sqlx::query(SQL).bind(ids.clone()), |row| row.id("lease_id")).await
    }

    async fn doubt(&self, lease: &Lease, reason: &str, retry_in: Duration) -> Result<bool, StoreError> {
        const SQL: &str = concat!(
            "
            with doubtful as (
                update reservation
                set state = 'IN_DOUBT', last_error = $3, updated_at = clock_timestamp(),
                    due_at = clock_timestamp() + make_interval(secs => $4)
                where id = $1 and attempts = $2 and state = 'PENDING'
                returning msisdn, preview_id
            ), ",
            reserve_numbers!("doubtful"),
            "
            select exists (select from doubtful)
                   or exists (select from reservation where id = $1 and attempts = $2 and state = 'IN_DOUBT') as written"
        );
        let statement = || {
            sqlx::query(SQL)
                .bind(lease.reservation.as_uuid())
                .bind(lease.call)
                .bind(reason)
                .bind(retry_in.as_secs_f64())
        };
        self.connections.one(statement, |row| row.flag("written")).await
    }

    async fn reject(&self, lease: &Lease, reason: &str) -> Result<(), StoreError> {
        const SQL: &str = "
            update reservation
            set state = 'REJECTED', due_at = null, last_error = $3, updated_at = clock_timestamp()
            where id = $1 and attempts = $2 and state = 'PENDING'";
        let statement = || sqlx::query(SQL).bind(lease.reservation.as_uuid()).bind(lease.call).bind(reason);
        self.connections.rows(statement).await.map(drop)
    }

    async fn cancel(
        &self,
        lease: &Lease,
        reason: &str,
        deliver_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        // A repeated statement finds the row that it wrote.
        const SQL: &str = "
            with cancelling as (
                update reservation
                set state = 'CANCELLING', last_error = $3, updated_at = clock_timestamp(),
                    due_at = clock_timestamp() + make_interval(secs => $4)
                where id = $1 and attempts = $2 and state = 'PENDING'
                returning msisdn, preview_id
            ), number as (
                update phone_number p
                set status = 'RETURNED', assigned_sim_id = null, updated_at = clock_timestamp()
                from cancelling
                where p.msisdn = cancelling.msisdn and p.status = 'RESERVED'
            ), forgotten as (
                update preview set reserved_msisdn = null
                from cancelling
                where preview.id = cancelling.preview_id and preview.reserved_msisdn = cancelling.msisdn
            )
            select exists (select from cancelling)
                   or exists (select from reservation where id = $1 and attempts = $2 and state = 'CANCELLING') as cancelled";
        let statement = || {
            sqlx::query(SQL)
                .bind(lease.reservation.as_uuid())
                .bind(lease.call)
                .bind(reason)
                .bind(deliver_within.as_secs_f64())
        };
        let cancelled = self.connections.one(statement, |row| row.flag("cancelled")).await?;
        let Lease { reservation, call: attempts, hold, .. } = lease.clone();
        Ok(cancelled.then_some(Delivery { reservation, hold, attempts }))
    }
}

/// Reads the outcome of a confirmation. Returns none if another call settled the row first, so that the statement is to be run
/// again.
fn confirmation(
    row: &PgRow,
    lease: &Lease,
    release: ReservationId,
) -> Result<Option<Confirmed>, sqlx::Error> {
    if row.flag("held")? {
        return Ok(Some(Confirmed::Held));
    }
    let Lease { reservation, hold, .. } = lease.clone();
    Ok(match row.parsed("state")? {
        ReservationState::Held if row.flag("due")? => Some(Confirmed::Released),
        ReservationState::Held | ReservationState::Assigned => Some(Confirmed::Held),
        ReservationState::Cancelling => {
            Some(Confirmed::GivenUp(Delivery { reservation, hold, attempts: row.attempts("attempts")? }))
        }
        ReservationState::Rejected if row.flag("given_up")? => {
            Some(Confirmed::GivenUp(delivery(release, hold.external_id, hold.msisdn)))
        }
        ReservationState::Releasing | ReservationState::Released | ReservationState::Rejected => {
            Some(Confirmed::Released)
        }
        ReservationState::Pending | ReservationState::InDoubt => None,
    })
}

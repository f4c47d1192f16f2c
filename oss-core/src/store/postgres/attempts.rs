//! Attempts to hold a number of a preview, on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::PostgresStore;
use super::begins::Wish;
use super::confirmations::Confirmation;
use crate::domain::{
    Begin, Choice, Confirmed, Delivery, Intent, Lease, PreviewId, RACES, ReservationId, Scope, Verdict,
};
use crate::store::StoreError;
use crate::store::attempts::AttemptStore;
use crate::store::rows::DataRow;

/// The common table expressions that make the numbers of `$attempts` `RESERVED`, and let their previews name them. Both are written
/// in the order of their keys, after every row of `$attempts`, so that two statements do not wait for each other.
macro_rules! reserve_numbers {
    ($attempts:literal) => {
        concat!(
            "number as (
                insert into phone_number (msisdn, origin, status, unrecorded)
                select msisdn, 'VIVO', 'RESERVED', false from ",
            $attempts,
            "
                order by msisdn
                on conflict (msisdn) do update
                set status = 'RESERVED', assigned_sim_id = null, updated_at = clock_timestamp()
                where phone_number.status = 'RETURNED'
            ), chosen as (
                update preview set reserved_msisdn = a.msisdn
                from (select * from ",
            $attempts,
            " order by preview_id) a
                where preview.id = a.preview_id
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
        let brands = scope.owned_parameters();
        for _ in 0..RACES {
            let wish = Wish { brands: brands.clone(), id, preview, choice, intent };
            let Some((preview, written)) = self.batches.wishes.execute(wish).await? else {
                return Ok(Begin::UnknownPreview);
            };
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
        let release = ReservationId::new();
        for _ in 0..RACES {
            let confirmation =
                Confirmation { lease: lease.clone(), hold_for, release, client: self.client() };
            match self.batches.confirmations.execute(confirmation).await? {
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
                set state = 'IN_DOUBT', last_error = $3, updated_at = clock_timestamp(), changed_by = $5,
                    named_changes = named_changes + 1,
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
                .bind(self.client())
        };
        self.connections.one(statement, |row| row.flag("written")).await
    }

    async fn reject(&self, lease: &Lease, reason: &str) -> Result<(), StoreError> {
        const SQL: &str = "
            update reservation
            set state = 'REJECTED', due_at = null, last_error = $3, updated_at = clock_timestamp(), changed_by = $4,
                named_changes = named_changes + 1
            where id = $1 and attempts = $2 and state = 'PENDING'";
        let statement = || {
            let attempt = sqlx::query(SQL).bind(lease.reservation.as_uuid()).bind(lease.call);
            attempt.bind(reason).bind(self.client())
        };
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
                set state = 'CANCELLING', last_error = $3, updated_at = clock_timestamp(), changed_by = $5,
                    named_changes = named_changes + 1,
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
                .bind(self.client())
        };
        let cancelled = self.connections.one(statement, |row| row.flag("cancelled")).await?;
        let Lease { reservation, call: attempts, hold, .. } = lease.clone();
        Ok(cancelled.then_some(Delivery { reservation, hold, attempts }))
    }
}

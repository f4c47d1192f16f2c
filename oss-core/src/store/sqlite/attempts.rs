//! Attempts to hold a number of a preview, on SQLite.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::SqliteStore;
use super::connections::Step;
use crate::domain::{
    AttemptEvent, AttemptState, Begin, Choice, Confirmed, Delivery, Hold, IdempotencyKey, Intent, Lease,
    Msisdn, PreviewId, Reservation, ReservationId, Scope, Verdict, delivery,
};
use crate::store::StoreError;
use crate::store::attempts::{AttemptStore, preview_row};
use crate::store::live::live;
use crate::store::rows::DataRow;

#[async_trait]
impl AttemptStore for SqliteStore {
    async fn begin_reservation(
        &self,
        scope: Scope<'_>,
        id: ReservationId,
        preview: PreviewId,
        choice: Choice,
        intent: Intent,
    ) -> Result<Begin, StoreError> {
        let brands = scope.owned_parameters();
        self.connections.write(move |step| Box::pin(step.begin(brands, id, preview, choice, intent))).await
    }

    async fn confirm(&self, lease: &Lease, hold_for: Duration) -> Result<Confirmed, StoreError> {
        let lease = lease.clone();
        self.connections.write(move |step| Box::pin(step.confirm(lease, hold_for))).await
    }

    async fn abandon(&self, leases: &[ReservationId]) -> Result<Vec<ReservationId>, StoreError> {
        let leases = leases.to_vec();
        self.connections.write(move |step| Box::pin(step.abandon(leases))).await
    }

    async fn doubt(&self, lease: &Lease, reason: &str, retry_in: Duration) -> Result<bool, StoreError> {
        let (lease, reason) = (lease.clone(), reason.to_owned());
        self.connections.write(move |step| Box::pin(step.doubt(lease, reason, retry_in))).await
    }

    async fn reject(&self, lease: &Lease, reason: &str) -> Result<(), StoreError> {
        let (lease, reason) = (lease.clone(), reason.to_owned());
        self.connections.write(move |step| Box::pin(step.reject(lease, reason))).await
    }

    async fn cancel(
        &self,
        lease: &Lease,
        reason: &str,
        deliver_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        let (lease, reason) = (lease.clone(), reason.to_owned());
        self.connections.write(move |step| Box::pin(step.cancel(lease, reason, deliver_within))).await
    }
}

impl Step<'_> {
    async fn begin(
        mut self,
        [brand, older]: [Option<String>; 2],
        id: ReservationId,
        preview: PreviewId,
        choice: Choice,
        intent: Intent,
    ) -> Result<Begin, sqlx::Error> {
        const PREVIEW: &str = concat!(
            r#"
            select p.external_id, p.brand_id, p.expires_at > $3 as open, p.reserved_msisdn is not null as gave_before,
                   n.msisdn, number.status,
                   own.id as own_id, own.msisdn as own_msisdn, own.state as own_state, own.attempts as own_attempts,
                   own.due_at <= $3 and own.order_id is null as own_due, own.hold_expires_at as own_expires_at, own.lease_id = $6 as own_leased,
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

        let statement = sqlx::query(PREVIEW)
            .bind(preview.as_uuid())
            .bind(i64::from(choice.get()))
            .bind(self.now.0)
            .bind(brand)
            .bind(older)
            .bind(id.as_uuid());
        let Some(row) = self.maybe(statement, preview_row).await? else { return Ok(Begin::UnknownPreview) };
        match (row.verdict(id), intent) {
            (Verdict::Answer(answer), _) => Ok(answer),
            (Verdict::Start(_) | Verdict::Resume(_), Intent::Look) => Ok(Begin::Free),
            (Verdict::Start(started), Intent::Take(lease)) => {
                self.insert(&started, Origin { preview: Some(preview), key: None }, lease).await?;
                Ok(Begin::Started(started))
            }
            (Verdict::Resume(resumed), Intent::Take(lease)) => {
                self.take_up(id, &resumed, lease).await?;
                Ok(Begin::Started(resumed))
            }
        }
    }

    pub(super) async fn insert(
        &mut self,
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
        let statement = sqlx::query(SQL)
            .bind(started.reservation.as_uuid())
            .bind(preview.map(PreviewId::as_uuid))
            .bind(started.hold.external_id.as_str())
            .bind(started.brand.as_str())
            .bind(started.hold.msisdn.as_str())
            .bind(self.now.after(lease))
            .bind(key.as_ref().map(|key| key.client().as_str()))
            .bind(key.as_ref().map(IdempotencyKey::text))
            .bind(self.now.0);
        self.run(statement).await.map(drop)
    }

    /// Takes up again an attempt that no process works on, with the lease `id`.
    pub(super) async fn take_up(
        &mut self,
        id: ReservationId,
        resumed: &Lease,
        lease: Duration,
    ) -> Result<(), sqlx::Error> {
        const SQL: &str = "
            update reservation
            set state = 'PENDING', attempts = $2, due_at = $3, updated_at = $4, lease_id = $5
            where id = $1 and state in ('PENDING', 'IN_DOUBT')";
        let statement = sqlx::query(SQL)
            .bind(resumed.reservation.as_uuid())
            .bind(resumed.call)
            .bind(self.now.after(lease))
            .bind(self.now.0)
            .bind(id.as_uuid());
        self.run(statement).await.map(drop)
    }

    async fn abandon(mut self, leases: Vec<ReservationId>) -> Result<Vec<ReservationId>, sqlx::Error> {
        const SQL: &str = "
            update reservation
            set state = case attempts when 1 then 'REJECTED' else state end,
                due_at = case attempts when 1 then null else $2 end,
                last_error = 'its lease was not used', updated_at = $2
            where lease_id = $1 and state = 'PENDING'";
        let mut ended = Vec::new();
        for lease in leases {
            let changed = self.run(sqlx::query(SQL).bind(lease.as_uuid()).bind(self.now.0)).await?;
            ended.extend((changed > 0).then_some(lease));
        }
        Ok(ended)
    }

    async fn confirm(mut self, lease: Lease, hold_for: Duration) -> Result<Confirmed, sqlx::Error> {
        const STATE: &str = "
            select state, attempts, preview_id, hold_expires_at, coalesce(due_at <= $2, false) and order_id is null as due
            from reservation
            where id = $1";
        const HELD: &str = "
            update reservation
            set state = $2, last_error = null, hold_expires_at = $3, due_at = $3, updated_at = $4, changed_by = $6,
                named_changes = named_changes + 1
            where id = $1 and state = $5
            returning hold_expires_at";

        let id = lease.reservation.as_uuid();
        let read = |row: &SqliteRow| {
            let state: AttemptState = row.parsed("state")?;
            let expires_at = state.end_of_hold(row.maybe_time("hold_expires_at")?);
            Ok((
                state,
                row.attempts("attempts")?,
                row.maybe_uuid("preview_id")?,
                row.flag("due")?,
                expires_at,
            ))
        };
        let found = self.maybe(sqlx::query(STATE).bind(id).bind(self.now.0), read).await?;
        let Some((state, attempts, preview, due, expires_at)) = found else { return Ok(Confirmed::Missing) };
        if let Some(next) = state.after(AttemptEvent::Confirmed) {
            let statement = sqlx::query(HELD).bind(id).bind(next.as_str()).bind(self.now.after(hold_for));
            let statement = statement.bind(self.now.0).bind(state.as_str()).bind(self.client());
            let expires_at = self.one(statement, |row| row.maybe_time("hold_expires_at")).await?;
            self.reserve_number(lease.hold.msisdn.as_str(), preview).await?;
            return Ok(Confirmed::Held(Reservation::new(lease.hold.msisdn, expires_at)));
        }
        match state {
            AttemptState::Held if due => Ok(Confirmed::Released),
            AttemptState::Releasing | AttemptState::Released => Ok(Confirmed::Released),
            AttemptState::Cancelling => {
                let Lease { reservation, hold, .. } = lease;
                Ok(Confirmed::GivenUp(Delivery { reservation, hold, attempts }))
            }
            AttemptState::Rejected => self.release_late_hold(lease).await,
            // It was confirmed before. An attempt that waits for its answer was confirmed above.
            AttemptState::Held | AttemptState::Assigned | AttemptState::Pending | AttemptState::InDoubt => {
                Ok(Confirmed::Held(Reservation::new(lease.hold.msisdn, expires_at)))
            }
        }
    }

    /// Writes a row for a hold that is confirmed after its attempt was given up, so that it is released at Sigan. The row carries
    /// the preview, unless the preview has another attempt by now. If another attempt works on the same hold, that attempt has to
    /// end it.
    async fn release_late_hold(mut self, lease: Lease) -> Result<Confirmed, sqlx::Error> {
        const SQL: &str = "
            insert into reservation
                (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts, last_error, created_at, updated_at,
                 changed_by)
            select $2,
                   case when not exists (
                       select 1 from reservation other
                       where other.preview_id = r.preview_id and other.state <> 'REJECTED'
                   ) then r.preview_id end,
                   r.external_id, r.brand_id, r.msisdn, 'RELEASING', $3, 0, 'confirmed too late', $3, $3, $4
            from reservation r
            where r.id = $1
            on conflict do nothing";
        let release = ReservationId::new();
        let statement = sqlx::query(SQL).bind(lease.reservation.as_uuid()).bind(release.as_uuid());
        if self.run(statement.bind(self.now.0).bind(self.client())).await? == 0 {
            return Ok(Confirmed::Released);
        }
        let Hold { external_id, msisdn } = lease.hold;
        Ok(Confirmed::GivenUp(delivery(release, external_id, msisdn)))
    }

    /// Sets the number to `RESERVED` if it is `RETURNED` or new, and names it in its preview.
    pub(super) async fn reserve_number(
        &mut self,
        msisdn: &str,
        preview: Option<Uuid>,
    ) -> Result<(), sqlx::Error> {
        const NUMBER: &str = "
            insert into phone_number (msisdn, origin, status, created_at, updated_at, unrecorded)
            values ($1, 'VIVO', 'RESERVED', $2, $2, 0)
            on conflict (msisdn) do update
            set status = 'RESERVED', assigned_sim_id = null, updated_at = $2
            where phone_number.status = 'RETURNED'";
        const CHOSEN: &str = "update preview set reserved_msisdn = $2 where id = $1";
        self.run(sqlx::query(NUMBER).bind(msisdn).bind(self.now.0)).await?;
        self.run(sqlx::query(CHOSEN).bind(preview).bind(msisdn)).await.map(drop)
    }

    /// Reads the state and the preview of the attempt of a lease. Returns none if a newer call has the attempt.
    async fn attempt_of_call(
        &mut self,
        lease: &Lease,
    ) -> Result<Option<(AttemptState, Option<Uuid>)>, sqlx::Error> {
        const SQL: &str = "select state, preview_id from reservation where id = $1 and attempts = $2";
        let statement = sqlx::query(SQL).bind(lease.reservation.as_uuid()).bind(lease.call);
        self.maybe(statement, |row| Ok((row.parsed("state")?, row.maybe_uuid("preview_id")?))).await
    }

    /// Writes the state of an attempt after the answer to its call, the reason, and the time when it is due.
    async fn write_state(
        &mut self,
        lease: &Lease,
        (state, reason): (AttemptState, &str),
        due_at: Option<i64>,
    ) -> Result<(), sqlx::Error> {
        const SQL: &str = "
            update reservation
            set state = $3, last_error = $4, due_at = $5, updated_at = $6, changed_by = $7, named_changes = named_changes + 1
            where id = $1 and attempts = $2 and state = 'PENDING'";
        let attempt = sqlx::query(SQL).bind(lease.reservation.as_uuid()).bind(lease.call);
        let statement = attempt.bind(state.as_str()).bind(reason).bind(due_at).bind(self.now.0);
        self.run(statement.bind(self.client())).await.map(drop)
    }

    async fn doubt(mut self, lease: Lease, reason: String, retry_in: Duration) -> Result<bool, sqlx::Error> {
        let Some((state, preview)) = self.attempt_of_call(&lease).await? else { return Ok(false) };
        // If the answer of this step was lost, it is repeated and finds the row that it wrote.
        let Some(next) = state.after(AttemptEvent::Doubted) else {
            return Ok(state == AttemptState::InDoubt);
        };
        let due_at = Some(self.now.after(retry_in));
        self.write_state(&lease, (next, &reason), due_at).await?;
        self.reserve_number(lease.hold.msisdn.as_str(), preview).await?;
        Ok(true)
    }

    async fn reject(mut self, lease: Lease, reason: String) -> Result<(), sqlx::Error> {
        let attempt = self.attempt_of_call(&lease).await?;
        match attempt.and_then(|(state, _)| state.after(AttemptEvent::Refused)) {
            Some(next) => self.write_state(&lease, (next, &reason), None).await,
            None => Ok(()),
        }
    }

    async fn cancel(
        mut self,
        lease: Lease,
        reason: String,
        deliver_within: Duration,
    ) -> Result<Option<Delivery>, sqlx::Error> {
        let Some((state, preview)) = self.attempt_of_call(&lease).await? else { return Ok(None) };
        match state.after(AttemptEvent::GivenUp) {
            Some(next) => {
                let due_at = Some(self.now.after(deliver_within));
                self.write_state(&lease, (next, &reason), due_at).await?;
                self.revert_choice(lease.hold.msisdn, preview).await?;
            }
            // A repeated step finds the row that it wrote. The number may be held again by now, so it is not changed.
            None if state == AttemptState::Cancelling => {}
            None => return Ok(None),
        }
        let Lease { reservation, call: attempts, hold, .. } = lease;
        Ok(Some(Delivery { reservation, hold, attempts }))
    }

    /// Reverts what [`Step::doubt`] wrote to the number and the preview.
    async fn revert_choice(&mut self, msisdn: Msisdn, preview: Option<Uuid>) -> Result<(), sqlx::Error> {
        const PREVIEW: &str =
            "update preview set reserved_msisdn = null where id = $1 and reserved_msisdn = $2";
        self.return_number(msisdn.as_str()).await?;
        self.run(sqlx::query(PREVIEW).bind(preview).bind(msisdn.as_str())).await.map(drop)
    }

    /// Sets the number to `RETURNED` if it is `RESERVED`.
    pub(super) async fn return_number(&mut self, msisdn: &str) -> Result<(), sqlx::Error> {
        const SQL: &str = "
            update phone_number
            set status = 'RETURNED', assigned_sim_id = null, updated_at = $2
            where msisdn = $1 and status = 'RESERVED'";
        self.run(sqlx::query(SQL).bind(msisdn).bind(self.now.0)).await.map(drop)
    }
}

/// The origin of an attempt.
pub(super) struct Origin {
    pub(super) preview: Option<PreviewId>,
    pub(super) key: Option<IdempotencyKey>,
}

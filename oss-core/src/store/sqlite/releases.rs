//! Releases and deliveries on SQLite.

use std::time::Duration;

use async_trait::async_trait;

use super::SqliteStore;
use super::connections::Step;
use crate::domain::{
    AttemptEvent, AttemptState, Delivery, LiveAttempt, Msisdn, Release, ReservationId, Scope,
};
use crate::store::StoreError;
use crate::store::lines::{number_row, read_number};
use crate::store::releases::{ReleaseStore, freed_delivery, looked_at};
use crate::store::rows::{DataRow, Unreadable};

/// The delivery for a release, or the row that cannot be read.
type Freed = Result<Option<Delivery>, Unreadable>;

#[async_trait]
impl ReleaseStore for SqliteStore {
    async fn release(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<Release, StoreError> {
        let brands = scope.owned_parameters();
        self.connections.write(move |step| Box::pin(step.release(brands, msisdn, lease))).await
    }

    async fn look_at_release(&self, scope: Scope<'_>, msisdn: Msisdn) -> Result<Release, StoreError> {
        let [brand, older] = scope.parameters();
        let statement = sqlx::query(read_number!("$1", "$4")).bind(msisdn.as_str()).bind(brand).bind(older);
        let number = self.connections.maybe(statement.bind(self.connections.now().0), number_row).await?;
        Ok(looked_at(number.as_ref()))
    }

    async fn record_delivery(&self, id: ReservationId) -> Result<Option<AttemptState>, StoreError> {
        self.connections.write(move |step| Box::pin(step.record_delivery(id))).await
    }

    async fn record_failed_delivery(
        &self,
        delivery: &Delivery,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError> {
        let (delivery, reason) = (delivery.clone(), reason.to_owned());
        self.connections
            .write(move |step| Box::pin(step.record_failed_delivery(delivery, reason, retry_in)))
            .await
    }
}

impl Step<'_> {
    async fn release(
        mut self,
        brands: [Option<String>; 2],
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<Release, sqlx::Error> {
        let Some(row) = self.number_row(brands, msisdn).await? else { return Ok(Release::Unknown) };
        if let Some(answer) = row.release_refusal() {
            return Ok(answer);
        }
        self.return_number(msisdn.as_str()).await?;
        let freed = match row.live {
            Some(live) => self.free(live, msisdn, lease).await?,
            None => self.record_older_hold(msisdn, lease).await?,
        };
        match freed.unwrap_or(Ok(None)) {
            Ok(delivery) => Ok(Release::Returned(delivery)),
            Err(unreadable) => {
                self.set_aside(&unreadable).await?;
                Ok(Release::SetAside(unreadable.row))
            }
        }
    }

    /// Sets a row aside: no sweep claims it any more, and a person has to correct it.
    pub(super) async fn set_aside(&mut self, unreadable: &Unreadable) -> Result<(), sqlx::Error> {
        let Unreadable { id, row } = unreadable;
        self.run(sqlx::query(unreadable.set_aside()).bind(*id).bind(&row.reason)).await.map(drop)
    }

    async fn free(
        &mut self,
        live: LiveAttempt,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<Option<Freed>, sqlx::Error> {
        const SQL: &str = "
            update reservation
            set state = $2, attempts = 0, last_error = null, due_at = $3, updated_at = $4, changed_by = $6,
                named_changes = named_changes + 1
            where id = $1 and state = $5
            returning id, external_id";
        let Some(next) = live.state.after(AttemptEvent::Released) else { return Ok(None) };
        let statement = sqlx::query(SQL)
            .bind(live.id.as_uuid())
            .bind(next.as_str())
            .bind(self.now.after(lease))
            .bind(self.now.0)
            .bind(live.state.as_str())
            .bind(self.client());
        self.maybe(statement, |row| freed_delivery(row, msisdn)).await
    }

    /// Writes the row for the hold of a number of older data, which has no reservation. The hold has the external id of the
    /// preview that the number was chosen from.
    async fn record_older_hold(
        &mut self,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<Option<Freed>, sqlx::Error> {
        const SQL: &str = "
            insert into reservation
                (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts, created_at, updated_at,
                 changed_by)
            select $1, p.id, p.external_id, p.brand_id, $2, 'RELEASING', $3, 0, $4, $4, $5
            from preview p
            where p.reserved_msisdn = $2
              and not exists (select 1 from reservation r where r.preview_id = p.id and r.state <> 'REJECTED')
            order by p.created_at desc
            limit 1
            on conflict do nothing
            returning id, external_id";
        let statement = sqlx::query(SQL)
            .bind(ReservationId::new().as_uuid())
            .bind(msisdn.as_str())
            .bind(self.now.after(lease))
            .bind(self.now.0)
            .bind(self.client());
        self.maybe(statement, |row| freed_delivery(row, msisdn)).await
    }

    async fn record_delivery(mut self, id: ReservationId) -> Result<Option<AttemptState>, sqlx::Error> {
        const STATE: &str = "select state from reservation where id = $1";
        // The reason why an attempt was given up is kept.
        const OVER: &str = "
            update reservation
            set state = $2, due_at = null, last_error = case state when 'CANCELLING' then last_error end, updated_at = $3,
                changed_by = $5, named_changes = named_changes + 1
            where id = $1 and state = $4";
        let state = self.maybe(sqlx::query(STATE).bind(id.as_uuid()), |row| row.parsed("state")).await?;
        let Some(state): Option<AttemptState> = state else { return Ok(None) };
        let Some(next) = state.after(AttemptEvent::Delivered) else { return Ok(None) };
        let statement = sqlx::query(OVER).bind(id.as_uuid()).bind(next.as_str()).bind(self.now.0);
        self.run(statement.bind(state.as_str()).bind(self.client())).await?;
        Ok(Some(next))
    }

    async fn record_failed_delivery(
        mut self,
        delivery: Delivery,
        reason: String,
        retry_in: Duration,
    ) -> Result<(), sqlx::Error> {
        const SQL: &str = "
            update reservation
            set last_error = $3, due_at = $4
            where id = $1 and attempts = $2 and state in ('RELEASING', 'CANCELLING')";
        let statement = sqlx::query(SQL).bind(delivery.reservation.as_uuid()).bind(delivery.attempts);
        self.run(statement.bind(reason).bind(self.now.after(retry_in))).await.map(drop)
    }
}

//! Releases and deliveries on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::lines::locked_number;
use crate::domain::{Delivery, Msisdn, RACES, Release, ReservationId, ReservationState, Scope};
use crate::store::StoreError;
use crate::store::lines::number_row;
use crate::store::live::live;
use crate::store::releases::{ReleaseStore, SET_ASIDE, freed_delivery};
use crate::store::rows::{DataRow, Unreadable};

#[async_trait]
impl ReleaseStore for PostgresStore {
    async fn release(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<Release, StoreError> {
        // A number of older data has no reservation. Its hold has the external id of the preview that it was chosen from.
        const SQL: &str = concat!(
            locked_number!(),
            ", released as (
                select * from locked
                where status = 'RESERVED' and unchanged and (live_state is distinct from 'PENDING' or live_due)
            ), returned as (
                update phone_number p
                set status = 'RETURNED', assigned_sim_id = null, updated_at = clock_timestamp()
                from released
                where p.msisdn = $1::char(11)
                returning p.msisdn
            ), releasing as (
                update reservation r
                set state = 'RELEASING', attempts = 0, last_error = null, updated_at = clock_timestamp(),
                    due_at = clock_timestamp() + make_interval(secs => $5)
                from released
                where r.id = released.live_id and ",
            live!("r.state"),
            "
                returning r.id, r.external_id
            ), adopted as (
                insert into reservation (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts)
                select $4, p.id, p.external_id, p.brand_id, returned.msisdn, 'RELEASING',
                       clock_timestamp() + make_interval(secs => $5), 0
                from released, returned, preview p
                where released.live_id is null and p.reserved_msisdn = $1::char(11)
                  and not exists (select from reservation r where r.preview_id = p.id and r.state <> 'REJECTED')
                order by p.created_at desc
                limit 1
                on conflict do nothing
                returning id, external_id
            )
            select locked.*, exists (select from returned) as written, delivery.id, delivery.external_id
            from locked
            left join (select * from releasing union all select * from adopted) delivery on true"
        );
        let adopted = ReservationId::new();
        let [brand, older] = scope.parameters();
        let statement = || {
            sqlx::query(SQL)
                .bind(msisdn.to_string())
                .bind(brand)
                .bind(older)
                .bind(adopted.as_uuid())
                .bind(lease.as_secs_f64())
        };
        for _ in 0..RACES {
            let read = |row: &PgRow| {
                let (unchanged, written) = (row.flag("unchanged")?, row.flag("written")?);
                Ok((number_row(row)?, unchanged, written, freed_delivery(row, msisdn)?))
            };
            let found = self.connections.maybe(statement, read).await?;
            let Some((locked, unchanged, written, freed)) = found else { return Ok(Release::Unknown) };
            match (locked.release_refusal(), freed) {
                (Some(answer), _) if unchanged || scope.is_all_brands() => return Ok(answer),
                (None, Ok(delivery)) if written => return Ok(Release::Returned(delivery)),
                (None, Err(unreadable)) if written => {
                    self.set_aside(&unreadable).await?;
                    return Ok(Release::SetAside(unreadable.row));
                }
                // The number changed during the statement: read it and its owner again.
                _ => {}
            }
        }
        Ok(Release::InFlight)
    }

    async fn record_delivery(&self, id: ReservationId) -> Result<Option<ReservationState>, StoreError> {
        const SQL: &str = "
            update reservation
            set state = case state when 'CANCELLING' then 'REJECTED' else 'RELEASED' end,
                due_at = null, last_error = case state when 'CANCELLING' then last_error end, updated_at = clock_timestamp()
            where id = $1 and state in ('RELEASING', 'CANCELLING')
            returning state";
        self.connections.maybe(|| sqlx::query(SQL).bind(id.as_uuid()), |row| row.parsed("state")).await
    }

    async fn record_failed_delivery(
        &self,
        delivery: &Delivery,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            update reservation
            set last_error = $3, due_at = clock_timestamp() + make_interval(secs => $4)
            where id = $1 and attempts = $2 and state in ('RELEASING', 'CANCELLING')";
        let statement = || {
            sqlx::query(SQL)
                .bind(delivery.reservation.as_uuid())
                .bind(delivery.attempts)
                .bind(reason)
                .bind(retry_in.as_secs_f64())
        };
        self.connections.rows(statement).await.map(drop)
    }
}

impl PostgresStore {
    /// Sets a row aside: no sweep claims it any more, and a person has to correct it.
    pub(super) async fn set_aside(&self, unreadable: &Unreadable) -> Result<(), StoreError> {
        let Unreadable { id, row } = unreadable;
        let statement = || sqlx::query(SET_ASIDE).bind(id.as_uuid()).bind(&row.reason);
        self.connections.rows(statement).await.map(drop)
    }
}

//! Releases and deliveries on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::connections::{Connections, column};
use super::lines::locked_numbers;
use crate::domain::{AttemptState, Delivery, Msisdn, NumberRow, RACES, Release, ReservationId, Scope};
use crate::store::StoreError;
use crate::store::batch::{Answers, Key, Member};
use crate::store::lines::{number_row, read_number};
use crate::store::live::live;
use crate::store::releases::{ReleaseStore, freed_delivery, looked_at};
use crate::store::rows::{DataRow, Unreadable};

#[async_trait]
impl ReleaseStore for PostgresStore {
    async fn release(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<Release, StoreError> {
        let (adopted, brands) = (ReservationId::new(), scope.owned_parameters());
        for _ in 0..RACES {
            let wish = ReleaseWish { brands: brands.clone(), msisdn, adopted, lease, client: self.client() };
            let Some(found) = self.batches.releases.execute(wish).await? else { return Ok(Release::Unknown) };
            match (found.number.release_refusal(), found.freed) {
                (Some(answer), _) if found.unchanged || scope.is_all_brands() => return Ok(answer),
                (None, Ok(delivery)) if found.written => return Ok(Release::Returned(delivery)),
                (None, Err(unreadable)) if found.written => {
                    self.set_aside(&unreadable).await?;
                    return Ok(Release::SetAside(unreadable.row));
                }
                // The number changed during the statement: read it and its owner again.
                _ => {}
            }
        }
        Ok(Release::InFlight)
    }

    async fn look_at_release(&self, scope: Scope<'_>, msisdn: Msisdn) -> Result<Release, StoreError> {
        const SQL: &str = read_number!("cast($1 as char(11))", "clock_timestamp()");
        let [brand, older] = scope.parameters();
        let statement = || sqlx::query(SQL).bind(msisdn.to_string()).bind(brand).bind(older);
        Ok(looked_at(self.connections.maybe(statement, number_row).await?.as_ref()))
    }

    async fn record_delivery(&self, id: ReservationId) -> Result<Option<AttemptState>, StoreError> {
        self.batches.deliveries.execute(Delivered { id, client: self.client() }).await
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
        let statement = || sqlx::query(unreadable.set_aside()).bind(*id).bind(&row.reason);
        self.connections.rows(statement).await.map(drop)
    }
}

/// The wish of a caller to release a number.
#[derive(Debug)]
pub(in crate::store) struct ReleaseWish {
    brands: [Option<String>; 2],
    msisdn: Msisdn,
    /// The id of the row for the hold of a number of older data.
    adopted: ReservationId,
    lease: Duration,
    /// The client whose call it is.
    client: Option<String>,
}

/// A number, and what became of its release.
pub(in crate::store) struct Released {
    number: NumberRow,
    unchanged: bool,
    written: bool,
    freed: Result<Option<Delivery>, Unreadable>,
}

impl Member for ReleaseWish {
    type Engine = Connections;
    type Answer = Option<Released>;

    fn keys(&self) -> Vec<Key> {
        vec![Key::of(self.msisdn)]
    }

    async fn run(connections: &Connections, wishes: &[Self]) -> Answers<Self::Answer> {
        // A number of older data has no reservation. Its hold has the external id of the preview that it was chosen from.
        const SQL: &str = concat!(
            locked_numbers!(
                "
            select *
            from unnest((select $1::char(11)[]), (select $2::text[]), (select $3::text[]), (select $4::uuid[]),
                        (select $5::float8[]), (select $6::text[]))
                 with ordinality as m (msisdn, brand, older, adopted_id, lease_for, client, nr)"
            ),
            ", released as (
                select * from locked
                where status = 'RESERVED' and unchanged and (live_state is distinct from 'PENDING' or live_due)
                  and not ordered
            ), returned as (
                update phone_number p
                set status = 'RETURNED', assigned_sim_id = null, updated_at = clock_timestamp()
                from released
                where p.msisdn = released.msisdn
                returning p.msisdn
            ), releasing as (
                update reservation r
                set state = 'RELEASING', attempts = 0, last_error = null, updated_at = clock_timestamp(),
                    changed_by = released.client, named_changes = r.named_changes + 1,
                    due_at = clock_timestamp() + make_interval(secs => released.lease_for)
                from released
                where r.id = released.live_id and ",
            live!("r.state"),
            "
                returning r.msisdn, r.id, r.external_id
            ), adopted as (
                insert into reservation (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts, changed_by)
                select released.adopted_id, offered.id, offered.external_id, offered.brand_id, returned.msisdn, 'RELEASING',
                       clock_timestamp() + make_interval(secs => released.lease_for), 0, released.client
                from released
                join returned on returned.msisdn = released.msisdn
                cross join lateral (
                    select p.id, p.external_id, p.brand_id
                    from preview p
                    where p.reserved_msisdn = released.msisdn
                      and not exists (select from reservation r where r.preview_id = p.id and r.state <> 'REJECTED')
                    order by p.created_at desc
                    limit 1
                ) offered
                where released.live_id is null
                order by released.msisdn
                on conflict do nothing
                returning msisdn, id, external_id
            )
            select locked.*, returned.msisdn is not null as written, delivery.id, delivery.external_id
            from locked
            left join returned on returned.msisdn = locked.msisdn
            left join (select * from releasing union all select * from adopted) delivery
                on delivery.msisdn = locked.msisdn"
        );
        let statement = || {
            sqlx::query(SQL)
                .bind(column(wishes, |wish| wish.msisdn.to_string()))
                .bind(column(wishes, |wish| wish.brands[0].as_deref()))
                .bind(column(wishes, |wish| wish.brands[1].as_deref()))
                .bind(column(wishes, |wish| wish.adopted.as_uuid()))
                .bind(column(wishes, |wish| wish.lease.as_secs_f64()))
                .bind(column(wishes, |wish| wish.client.as_deref()))
        };
        let read = |at: usize, row: &PgRow| {
            let (unchanged, written) = (row.flag("unchanged")?, row.flag("written")?);
            let freed = freed_delivery(row, wishes[at].msisdn)?;
            Ok(Released { number: number_row(row)?, unchanged, written, freed })
        };
        connections.each(wishes.len(), statement, read).await
    }
}

/// The record that Sigan was told of a release or a cancellation.
#[derive(Debug)]
pub(in crate::store) struct Delivered {
    id: ReservationId,
    /// The client whose call it is.
    client: Option<String>,
}

impl Member for Delivered {
    type Engine = Connections;
    type Answer = Option<AttemptState>;

    // No caller waits for it.
    const GATHER: Duration = Duration::from_millis(5);

    fn keys(&self) -> Vec<Key> {
        vec![Key::of(self.id)]
    }

    async fn run(connections: &Connections, delivered: &[Self]) -> Answers<Self::Answer> {
        const SQL: &str = "
            update reservation r
            set state = case r.state when 'CANCELLING' then 'REJECTED' else 'RELEASED' end,
                due_at = null, last_error = case r.state when 'CANCELLING' then r.last_error end,
                updated_at = clock_timestamp(), changed_by = member.client, named_changes = r.named_changes + 1
            from (
                select * from unnest((select $1::uuid[]), (select $2::text[])) with ordinality as m (id, client, nr)
                order by id
            ) member
            where r.id = member.id and r.state in ('RELEASING', 'CANCELLING')
            returning member.nr, r.state";
        let statement = || {
            sqlx::query(SQL)
                .bind(column(delivered, |delivered| delivered.id.as_uuid()))
                .bind(column(delivered, |delivered| delivered.client.as_deref()))
        };
        connections.each(delivered.len(), statement, |_, row| row.parsed("state")).await
    }
}

//! Orders of SIMs on PostgreSQL.
//!
//! An order is begun by two statements, because the domain decides between them. The second one writes only if the number and its
//! reservation are still as the first one read them.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::connections::is_foreign_key_violation;
use super::faults::violated_constraint;
use crate::domain::{
    AttemptState, BeginOrder, EndLine, IdempotencyKey, IssuedOrder, IssuedSim, LineId, Msisdn, NewOrder,
    OrderLease, OrderPurpose, OrderVerdict, OrderedNumber, RACES, Scope, SimDelivery, SimId, WantedSim,
};
use crate::store::StoreError;
use crate::store::live::live;
use crate::store::orders::{ClaimedOrders, OrderStore, claimed_order, ended_sim, ordered, ordered_number};
use crate::store::rows::DataRow;

/// The number and the reservation as they were read. An order begins only if both are unchanged.
struct Version {
    updated_at: Option<DateTime<Utc>>,
    live: Option<Uuid>,
}

#[async_trait]
impl OrderStore for PostgresStore {
    async fn begin_order(&self, scope: Scope<'_>, wish: &NewOrder) -> Result<BeginOrder, StoreError> {
        for _ in 0..RACES {
            let Some((number, version)) = self.ordered_number(scope, wish).await? else {
                return Ok(BeginOrder::UnknownNumber);
            };
            let begun = match number.verdict(wish) {
                OrderVerdict::Answer(answer) => return Ok(answer),
                OrderVerdict::Start(lease, line) => self.start_order(wish, lease, line, &version).await?,
                OrderVerdict::Resume(lease) => self.resume_order(wish, lease).await?,
            };
            if let Some(begun) = begun {
                return Ok(begun);
            }
            // Another call wrote first: read again what it wrote.
        }
        Ok(BeginOrder::InFlight)
    }

    async fn issue(
        &self,
        lease: &OrderLease,
        issued: &IssuedSim,
        deliver_within: Duration,
    ) -> Result<IssuedOrder, StoreError> {
        self.issue_sim(lease, issued, deliver_within).await
    }

    async fn doubt_order(
        &self,
        lease: &OrderLease,
        reason: &str,
        retry_in: Duration,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            with doubtful as (
                update sim_order
                set state = 'IN_DOUBT', last_error = $3, updated_at = clock_timestamp(), changed_by = $5,
                    named_changes = named_changes + 1,
                    due_at = clock_timestamp() + make_interval(secs => $4)
                where id = $1 and attempts = $2 and state = 'PENDING'
                returning true
            )
            select exists (select from doubtful)
                   or exists (select from sim_order where id = $1 and attempts = $2 and state = 'IN_DOUBT') as written";
        let statement = || {
            sqlx::query(SQL)
                .bind(lease.order.as_uuid())
                .bind(lease.call)
                .bind(reason)
                .bind(retry_in.as_secs_f64())
                .bind(self.client())
        };
        self.connections.one(statement, |row| row.flag("written")).await
    }

    async fn reject_order(&self, lease: &OrderLease, reason: &str) -> Result<(), StoreError> {
        const SQL: &str = "
            with rejected as (
                update sim_order
                set state = 'REJECTED', due_at = null, last_error = $3, updated_at = clock_timestamp(), changed_by = $4,
                    named_changes = named_changes + 1
                where id = $1 and attempts = $2 and state = 'PENDING'
                returning id
            )
            update reservation r
            set order_id = null
            from rejected
            where r.order_id = rejected.id";
        let statement = || {
            let order = sqlx::query(SQL).bind(lease.order.as_uuid()).bind(lease.call);
            order.bind(reason).bind(self.client())
        };
        self.connections.rows(statement).await.map(drop)
    }

    async fn cancel_order(
        &self,
        lease: &OrderLease,
        reason: &str,
        deliver_within: Duration,
    ) -> Result<Option<SimDelivery>, StoreError> {
        // A repeated statement finds the row that it wrote.
        const SQL: &str = "
            with cancelling as (
                update sim_order
                set state = 'CANCELLING', last_error = $3, updated_at = clock_timestamp(), changed_by = $5,
                    named_changes = named_changes + 1,
                    due_at = clock_timestamp() + make_interval(secs => $4)
                where id = $1 and attempts = $2 and state = 'PENDING'
                returning true
            )
            select exists (select from cancelling)
                   or exists (select from sim_order where id = $1 and attempts = $2 and state = 'CANCELLING') as cancelled";
        let statement = || {
            sqlx::query(SQL)
                .bind(lease.order.as_uuid())
                .bind(lease.call)
                .bind(reason)
                .bind(deliver_within.as_secs_f64())
                .bind(self.client())
        };
        let cancelled = self.connections.one(statement, |row| row.flag("cancelled")).await?;
        Ok(cancelled.then(|| lease.delivery()))
    }

    async fn release_lost_order(
        &self,
        lease: &OrderLease,
        deliver_within: Duration,
    ) -> Result<Option<SimDelivery>, StoreError> {
        const SQL: &str = "
            insert into sim_order (id, msisdn, carrier_tag, sim_type, state, due_at, attempts, last_error, changed_by)
            values ($1, $2::char(11), $3, $4, 'RELEASING', clock_timestamp() + make_interval(secs => $5), 0, 'its row was lost',
                    $6)
            on conflict (id) do nothing
            returning id as ended_id, sim_type as ended_type";
        let statement = || {
            sqlx::query(SQL)
                .bind(lease.order.as_uuid())
                .bind(lease.msisdn.to_string())
                .bind(lease.brand.as_str())
                .bind(lease.wanted.sim_type().as_str())
                .bind(deliver_within.as_secs_f64())
                .bind(self.client())
        };
        Ok(self.connections.maybe(statement, ended_sim).await?.flatten())
    }

    async fn end_line(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        deliver_within: Duration,
    ) -> Result<EndLine, StoreError> {
        self.end(scope, msisdn, deliver_within).await
    }

    async fn record_sim_delivery(&self, order: SimId) -> Result<Option<AttemptState>, StoreError> {
        const SQL: &str = "
            with over as (
                update sim_order
                set state = case state when 'CANCELLING' then 'REJECTED' else 'RELEASED' end, due_at = null,
                    last_error = case state when 'CANCELLING' then last_error end, updated_at = clock_timestamp(),
                    changed_by = $2, named_changes = named_changes + 1
                where id = $1 and state in ('RELEASING', 'CANCELLING')
                returning id, state
            ), waiting as (
                update reservation r
                set order_id = null, due_at = case r.state when 'RELEASING' then clock_timestamp() else r.due_at end
                from over
                where r.order_id = over.id
            )
            select state from over";
        let statement = || sqlx::query(SQL).bind(order.as_uuid()).bind(self.client());
        self.connections.maybe(statement, |row| row.parsed("state")).await
    }

    async fn record_failed_sim_delivery(
        &self,
        delivery: &SimDelivery,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            update sim_order
            set last_error = $3, due_at = clock_timestamp() + make_interval(secs => $4)
            where id = $1 and attempts = $2 and state in ('RELEASING', 'CANCELLING')";
        let statement = || {
            sqlx::query(SQL)
                .bind(delivery.order.as_uuid())
                .bind(delivery.attempts)
                .bind(reason)
                .bind(retry_in.as_secs_f64())
        };
        self.connections.rows(statement).await.map(drop)
    }

    async fn claim_due_orders(&self, limit: u32, lease: Duration) -> Result<ClaimedOrders, StoreError> {
        const SQL: &str = "
            with due as materialized (
                select id
                from sim_order
                where state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING') and due_at <= now() and set_aside is null
                order by due_at
                limit $1
                for update skip locked
            )
            update sim_order o
            set state = case o.state when 'IN_DOUBT' then 'PENDING' else o.state end,
                attempts = o.attempts + 1, due_at = clock_timestamp() + make_interval(secs => $2)
            from due
            where o.id = due.id
            returning o.*";
        let statement = || sqlx::query(SQL).bind(i64::from(limit)).bind(lease.as_secs_f64());
        let mut claims = ClaimedOrders::default();
        for row in self.connections.all(statement, claimed_order).await? {
            match row {
                Ok(due) => claims.due.push(due),
                Err(unreadable) => {
                    self.set_aside(&unreadable).await?;
                    claims.set_aside.push(unreadable.row);
                }
            }
        }
        Ok(claims)
    }
}

impl PostgresStore {
    async fn ordered_number(
        &self,
        scope: Scope<'_>,
        wish: &NewOrder,
    ) -> Result<Option<(OrderedNumber, Version)>, StoreError> {
        const SQL: &str = ordered_number!("clock_timestamp()", "$1::char(11)", "$4::char(32)");
        let [brand, older] = scope.parameters();
        let device = match &wish.wanted {
            WantedSim::Esim(device) => Some(device.to_string()),
            WantedSim::Card { .. } => None,
        };
        let statement = || {
            sqlx::query(SQL)
                .bind(wish.msisdn.to_string())
                .bind(brand)
                .bind(older)
                .bind(device.clone())
                .bind(wish.id.as_uuid())
                .bind(wish.key.as_ref().map(|key| key.client().as_str()))
                .bind(wish.key.as_ref().map(IdempotencyKey::text))
        };
        let read = |rows: &[PgRow]| {
            let Some(number) = ordered(rows)? else { return Ok(None) };
            let updated_at = rows[0].try_get("number_version")?;
            Ok(Some((number, Version { updated_at, live: rows[0].maybe_uuid("live_id")? })))
        };
        self.connections.read(statement, read).await
    }

    /// Writes a new order. Returns none if the number, its reservation or its orders changed.
    async fn start_order(
        &self,
        wish: &NewOrder,
        lease: OrderLease,
        line: LineId,
        version: &Version,
    ) -> Result<Option<BeginOrder>, StoreError> {
        // If the reservation of the number is another one now, the number has changed too. A number of older data has none that
        // could name the order, so the number changes instead, and statements that wait for it look for the order.
        const SQL: &str = concat!(
            "
            with live as materialized (
                select r.id, r.state from reservation r
                where r.id = $2 and r.msisdn = $3::char(11) and r.order_id is null and ",
            live!("r.state"),
            "
                for update
            ), number as materialized (
                select p.msisdn from phone_number p
                where p.msisdn = $3::char(11) and p.updated_at is not distinct from $4
                  and p.status = case when $15 then 'RESERVED' else 'IN_USE' end
                  and ($2 is null or exists (select from live where not $15 or live.state = 'HELD'))
                for update
            ), begun as (
                insert into sim_order (id, msisdn, line_id, carrier_tag, sim_type, technology, device_model_hash, iccid,
                                       delivery_address_hash, replaces_sim_id, state, due_at, lease_id, client,
                                       idempotency_key)
                select $1, msisdn, $5, $6, $7, $8, $9::char(32), $10, $11::char(32), $12, 'PENDING',
                       clock_timestamp() + make_interval(secs => $16), $1, $13, $14
                from number
                on conflict do nothing
                returning id
            ), waiting as (
                update reservation r
                set order_id = begun.id
                from live, begun
                where r.id = live.id
            ), changed as (
                update phone_number p
                set updated_at = clock_timestamp()
                from number, begun
                where p.msisdn = number.msisdn and $2 is null
            )
            select exists (select from begun) as written"
        );
        let (device, iccid, address) = lease.wanted.columns();
        let statement = || {
            sqlx::query(SQL)
                .bind(lease.order.as_uuid())
                .bind(version.live)
                .bind(lease.msisdn.to_string())
                .bind(version.updated_at)
                .bind(line.as_uuid())
                .bind(lease.brand.as_str())
                .bind(lease.wanted.sim_type().as_str())
                .bind(lease.technology.as_str())
                .bind(device.clone())
                .bind(iccid.clone())
                .bind(address.clone())
                .bind(lease.replaces.map(SimId::as_uuid))
                .bind(wish.key.as_ref().map(|key| key.client().as_str()))
                .bind(wish.key.as_ref().map(IdempotencyKey::text))
                .bind(matches!(wish.purpose, OrderPurpose::FirstSim(_)))
                .bind(wish.lease.as_secs_f64())
        };
        match self.connections.one(statement, |row| row.flag("written")).await {
            Err(error) if is_foreign_key_violation(&error) => {
                unknown_reference(&error).map(Some).ok_or(error)
            }
            answered => Ok(answered?.then_some(BeginOrder::Started(lease))),
        }
    }

    /// Takes an order up again. Returns none if it changed.
    async fn resume_order(
        &self,
        wish: &NewOrder,
        lease: OrderLease,
    ) -> Result<Option<BeginOrder>, StoreError> {
        const SQL: &str = "
            update sim_order
            set state = 'PENDING', attempts = $2, lease_id = $3, updated_at = clock_timestamp(),
                due_at = clock_timestamp() + make_interval(secs => $4)
            where id = $1 and attempts = $2 - 1
              and (state = 'IN_DOUBT' or state = 'PENDING' and due_at <= clock_timestamp())
            returning id";
        let statement = || {
            sqlx::query(SQL)
                .bind(lease.order.as_uuid())
                .bind(lease.call)
                .bind(wish.id.as_uuid())
                .bind(wish.lease.as_secs_f64())
        };
        let rows = self.connections.rows(statement).await?;
        Ok((!rows.is_empty()).then_some(BeginOrder::Started(lease)))
    }
}

/// The answer if a table of another program has no such row.
fn unknown_reference(error: &StoreError) -> Option<BeginOrder> {
    match violated_constraint(error)? {
        "sim_order_line_id" => Some(BeginOrder::UnknownLine),
        "sim_order_delivery_address_hash" => Some(BeginOrder::UnknownAddress),
        "sim_order_carrier_tag" => Some(BeginOrder::UnknownBrand),
        _ => None,
    }
}

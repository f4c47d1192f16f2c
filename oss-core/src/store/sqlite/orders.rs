//! Orders of SIMs on SQLite.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::SqliteStore;
use super::connections::Step;
use crate::domain::{
    AttemptEvent, AttemptState, BeginOrder, EndLine, IdempotencyKey, IssuedOrder, IssuedSim, LineId, Msisdn,
    NewOrder, OrderLease, OrderVerdict, Scope, SimDelivery, SimId, WantedSim,
};
use crate::store::StoreError;
use crate::store::orders::{ClaimedOrders, OrderStore, claimed_order, ended_sim, ordered, ordered_number};
use crate::store::rows::DataRow;

#[async_trait]
impl OrderStore for SqliteStore {
    async fn begin_order(&self, scope: Scope<'_>, wish: &NewOrder) -> Result<BeginOrder, StoreError> {
        let (brands, wish) = (scope.owned_parameters(), wish.clone());
        self.connections.write(move |step| Box::pin(step.begin_order(brands, wish))).await
    }

    async fn issue(
        &self,
        lease: &OrderLease,
        issued: &IssuedSim,
        deliver_within: Duration,
    ) -> Result<IssuedOrder, StoreError> {
        let (lease, issued) = (lease.clone(), issued.clone());
        self.connections.write(move |step| Box::pin(step.issue(lease, issued, deliver_within))).await
    }

    async fn doubt_order(
        &self,
        lease: &OrderLease,
        reason: &str,
        retry_in: Duration,
    ) -> Result<bool, StoreError> {
        let (lease, reason) = (lease.clone(), reason.to_owned());
        let doubted = self.connections.write(move |step| {
            Box::pin(step.settle_call(lease, AttemptEvent::Doubted, reason, Some(retry_in)))
        });
        Ok(doubted.await? == Some(AttemptState::InDoubt))
    }

    async fn reject_order(&self, lease: &OrderLease, reason: &str) -> Result<(), StoreError> {
        let (lease, reason) = (lease.clone(), reason.to_owned());
        let rejected = self
            .connections
            .write(move |step| Box::pin(step.settle_call(lease, AttemptEvent::Refused, reason, None)));
        rejected.await.map(drop)
    }

    async fn cancel_order(
        &self,
        lease: &OrderLease,
        reason: &str,
        deliver_within: Duration,
    ) -> Result<Option<SimDelivery>, StoreError> {
        let (call, reason) = (lease.clone(), reason.to_owned());
        let cancelled = self.connections.write(move |step| {
            Box::pin(step.settle_call(call, AttemptEvent::GivenUp, reason, Some(deliver_within)))
        });
        Ok((cancelled.await? == Some(AttemptState::Cancelling)).then(|| lease.delivery()))
    }

    async fn release_lost_order(
        &self,
        lease: &OrderLease,
        deliver_within: Duration,
    ) -> Result<Option<SimDelivery>, StoreError> {
        let lease = lease.clone();
        self.connections.write(move |step| Box::pin(step.release_lost_order(lease, deliver_within))).await
    }

    async fn end_line(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        deliver_within: Duration,
    ) -> Result<EndLine, StoreError> {
        let brands = scope.owned_parameters();
        self.connections.write(move |step| Box::pin(step.end_line(brands, msisdn, deliver_within))).await
    }

    async fn record_sim_delivery(&self, order: SimId) -> Result<Option<AttemptState>, StoreError> {
        self.connections.write(move |step| Box::pin(step.record_sim_delivery(order))).await
    }

    async fn record_failed_sim_delivery(
        &self,
        delivery: &SimDelivery,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError> {
        let (delivery, reason) = (*delivery, reason.to_owned());
        self.connections
            .write(move |step| Box::pin(step.record_failed_sim_delivery(delivery, reason, retry_in)))
            .await
    }

    async fn claim_due_orders(&self, limit: u32, lease: Duration) -> Result<ClaimedOrders, StoreError> {
        self.connections.write(move |step| Box::pin(step.claim_due_orders(limit, lease))).await
    }
}

impl Step<'_> {
    async fn release_lost_order(
        mut self,
        lease: OrderLease,
        deliver_within: Duration,
    ) -> Result<Option<SimDelivery>, sqlx::Error> {
        const SQL: &str = "
            insert into sim_order (id, msisdn, carrier_tag, sim_type, state, due_at, attempts, last_error, created_at, updated_at,
                                   changed_by)
            values ($1, $2, $3, $4, 'RELEASING', $5, 0, 'its row was lost', $6, $6, $7)
            on conflict (id) do nothing
            returning id as ended_id, sim_type as ended_type";
        let statement = sqlx::query(SQL)
            .bind(lease.order.as_uuid())
            .bind(lease.msisdn.as_str())
            .bind(lease.brand.as_str())
            .bind(lease.wanted.sim_type().as_str())
            .bind(self.now.after(deliver_within))
            .bind(self.now.0)
            .bind(self.client());
        Ok(self.maybe(statement, ended_sim).await?.flatten())
    }

    async fn begin_order(
        mut self,
        [brand, older]: [Option<String>; 2],
        wish: NewOrder,
    ) -> Result<BeginOrder, sqlx::Error> {
        const SQL: &str = ordered_number!("$8", "$1", "$4");
        let device = match &wish.wanted {
            WantedSim::Esim(device) => Some(device.to_string()),
            WantedSim::Card { .. } => None,
        };
        let statement = sqlx::query(SQL)
            .bind(wish.msisdn.as_str())
            .bind(brand)
            .bind(older)
            .bind(device)
            .bind(wish.id.as_uuid())
            .bind(wish.key.as_ref().map(|key| key.client().as_str()))
            .bind(wish.key.as_ref().map(IdempotencyKey::text))
            .bind(self.now.0);
        let Some(number) = self.read(statement, ordered).await? else { return Ok(BeginOrder::UnknownNumber) };
        match number.verdict(&wish) {
            OrderVerdict::Answer(answer) => Ok(answer),
            OrderVerdict::Start(lease, line) => {
                self.start_order(&wish, &lease, line).await?;
                if let Some(live) = &number.number.live {
                    const WAITING: &str = "update reservation set order_id = $2 where id = $1";
                    let statement = sqlx::query(WAITING).bind(live.id.as_uuid()).bind(lease.order.as_uuid());
                    self.run(statement).await?;
                }
                Ok(BeginOrder::Started(lease))
            }
            OrderVerdict::Resume(lease) => {
                self.resume_order(&wish, &lease).await?;
                Ok(BeginOrder::Started(lease))
            }
        }
    }

    async fn start_order(
        &mut self,
        wish: &NewOrder,
        lease: &OrderLease,
        line: LineId,
    ) -> Result<(), sqlx::Error> {
        const SQL: &str = "
            insert into sim_order (id, msisdn, line_id, carrier_tag, sim_type, technology, device_model_hash, iccid,
                                   delivery_address_hash, replaces_sim_id, state, due_at, lease_id, client, idempotency_key,
                                   created_at, updated_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'PENDING', $11, $1, $12, $13, $14, $14)";
        let (device, iccid, address) = lease.wanted.columns();
        let statement = sqlx::query(SQL)
            .bind(lease.order.as_uuid())
            .bind(lease.msisdn.as_str())
            .bind(line.as_uuid())
            .bind(lease.brand.as_str())
            .bind(lease.wanted.sim_type().as_str())
            .bind(lease.technology.as_str())
            .bind(device)
            .bind(iccid)
            .bind(address)
            .bind(lease.replaces.map(SimId::as_uuid))
            .bind(self.now.after(wish.lease))
            .bind(wish.key.as_ref().map(|key| key.client().as_str()))
            .bind(wish.key.as_ref().map(IdempotencyKey::text))
            .bind(self.now.0);
        self.run(statement).await.map(drop)
    }

    async fn resume_order(&mut self, wish: &NewOrder, lease: &OrderLease) -> Result<(), sqlx::Error> {
        const SQL: &str = "
            update sim_order
            set state = 'PENDING', attempts = $2, lease_id = $3, due_at = $4, updated_at = $5
            where id = $1";
        let statement = sqlx::query(SQL)
            .bind(lease.order.as_uuid())
            .bind(lease.call)
            .bind(wish.id.as_uuid())
            .bind(self.now.after(wish.lease))
            .bind(self.now.0);
        self.run(statement).await.map(drop)
    }

    /// Records the outcome of a call. Returns the state that the order has then, or none if a newer call has it.
    async fn settle_call(
        mut self,
        lease: OrderLease,
        event: AttemptEvent,
        reason: String,
        due_in: Option<Duration>,
    ) -> Result<Option<AttemptState>, sqlx::Error> {
        const STATE: &str = "select state from sim_order where id = $1 and attempts = $2";
        const SETTLED: &str = "
            update sim_order
            set state = $2, last_error = $3, due_at = $4, updated_at = $5, changed_by = $6, named_changes = named_changes + 1
            where id = $1";
        let id = lease.order.as_uuid();
        let statement = sqlx::query(STATE).bind(id).bind(lease.call);
        let Some(state) = self.maybe(statement, |row| row.parsed::<AttemptState>("state")).await? else {
            return Ok(None);
        };
        // If the answer of this step was lost, it is repeated and finds the row that it wrote.
        let Some(next) = state.after(event) else { return Ok(Some(state)) };
        let due_at = due_in.map(|due_in| self.now.after(due_in));
        let statement = sqlx::query(SETTLED).bind(id).bind(next.as_str()).bind(reason).bind(due_at);
        self.run(statement.bind(self.now.0).bind(self.client())).await?;
        if next.is_over() {
            self.let_go_on(id).await?;
        }
        Ok(Some(next))
    }

    /// Lets the reservation that waited for an order go on.
    async fn let_go_on(&mut self, order: Uuid) -> Result<(), sqlx::Error> {
        const SQL: &str = "
            update reservation
            set order_id = null, due_at = case state when 'RELEASING' then $2 else due_at end
            where order_id = $1";
        self.run(sqlx::query(SQL).bind(order).bind(self.now.0)).await.map(drop)
    }

    /// Deprogrammes a SIM here. A SIM from before there were orders gets one, so that GSIM is told.
    pub(super) async fn deprogram(
        &mut self,
        sim: SimId,
        msisdn: Msisdn,
        deliver_within: Duration,
    ) -> Result<Option<SimDelivery>, sqlx::Error> {
        const SIM: &str = "update sim set status = 'DEPROGRAMMED', updated_at = $2 where id = $1";
        const ORDER: &str = "
            insert into sim_order (id, msisdn, line_id, carrier_tag, sim_type, technology, state, due_at, attempts, created_at,
                                   updated_at, changed_by)
            select id, $2, line_id, carrier_tag, sim_type, technology, 'RELEASING', $3, 0, $4, $4, $5
            from sim
            where id = $1
            on conflict (id) do update
            set state = 'RELEASING', due_at = excluded.due_at, attempts = 0, last_error = null, updated_at = $4,
                changed_by = $5, named_changes = sim_order.named_changes + 1
            where sim_order.state = 'HELD'
            returning id as ended_id, sim_type as ended_type";
        self.run(sqlx::query(SIM).bind(sim.as_uuid()).bind(self.now.0)).await?;
        let statement = sqlx::query(ORDER)
            .bind(sim.as_uuid())
            .bind(msisdn.as_str())
            .bind(self.now.after(deliver_within))
            .bind(self.now.0)
            .bind(self.client());
        Ok(self.maybe(statement, ended_sim).await?.flatten())
    }

    async fn end_line(
        mut self,
        brands: [Option<String>; 2],
        msisdn: Msisdn,
        deliver_within: Duration,
    ) -> Result<EndLine, sqlx::Error> {
        const HOLD: &str = "
            update reservation
            set state = $2, attempts = 0, last_error = null, order_id = $3, due_at = $4, updated_at = $4, changed_by = $5,
                named_changes = named_changes + 1
            where id = $1";
        const NUMBER: &str = "
            update phone_number set status = 'RETURNED', assigned_sim_id = null, updated_at = $2 where msisdn = $1";

        let Some(row) = self.number_row(brands, msisdn).await? else { return Ok(EndLine::Unknown) };
        if let Some(answer) = row.end_refusal() {
            return Ok(answer);
        }
        let sim = match row.assigned_sim {
            Some(sim) => self.deprogram(sim, msisdn, deliver_within).await?,
            None => None,
        };
        if let Some(live) = row.live
            && let Some(next) = live.state.after(AttemptEvent::Released)
        {
            let order = sim.map(|sim| sim.order.as_uuid());
            let statement = sqlx::query(HOLD).bind(live.id.as_uuid()).bind(next.as_str()).bind(order);
            self.run(statement.bind(self.now.0).bind(self.client())).await?;
        }
        self.run(sqlx::query(NUMBER).bind(msisdn.as_str()).bind(self.now.0)).await?;
        Ok(EndLine::Ended(sim))
    }

    async fn record_sim_delivery(mut self, order: SimId) -> Result<Option<AttemptState>, sqlx::Error> {
        const STATE: &str = "select state from sim_order where id = $1";
        const OVER: &str = "
            update sim_order
            set state = $2, due_at = null, last_error = case state when 'CANCELLING' then last_error end, updated_at = $3,
                changed_by = $4, named_changes = named_changes + 1
            where id = $1";
        let id = order.as_uuid();
        let state = self.maybe(sqlx::query(STATE).bind(id), |row| row.parsed("state")).await?;
        let next = state.and_then(|state: AttemptState| state.after(AttemptEvent::Delivered));
        if let Some(next) = next {
            let statement = sqlx::query(OVER).bind(id).bind(next.as_str()).bind(self.now.0);
            self.run(statement.bind(self.client())).await?;
            self.let_go_on(id).await?;
        }
        Ok(next)
    }

    async fn record_failed_sim_delivery(
        mut self,
        delivery: SimDelivery,
        reason: String,
        retry_in: Duration,
    ) -> Result<(), sqlx::Error> {
        const SQL: &str = "
            update sim_order
            set last_error = $3, due_at = $4
            where id = $1 and attempts = $2 and state in ('RELEASING', 'CANCELLING')";
        let statement = sqlx::query(SQL).bind(delivery.order.as_uuid()).bind(delivery.attempts);
        self.run(statement.bind(reason).bind(self.now.after(retry_in))).await.map(drop)
    }

    async fn claim_due_orders(mut self, limit: u32, lease: Duration) -> Result<ClaimedOrders, sqlx::Error> {
        // A first call whose lease ended becomes a doubt, and its event has the time of the update.
        const SQL: &str = "
            update sim_order
            set state = case state when 'IN_DOUBT' then 'PENDING' else state end, attempts = attempts + 1, due_at = $3,
                updated_at = case state when 'PENDING' then $1 else updated_at end
            where id in (
                select id from sim_order
                where state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING') and due_at <= $1 and set_aside is null
                order by due_at
                limit $2
            )
            returning *";
        let statement = sqlx::query(SQL).bind(self.now.0).bind(i64::from(limit)).bind(self.now.after(lease));
        let mut claims = ClaimedOrders::default();
        for row in self.all(statement, claimed_order).await? {
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

//! Orders of SIMs. They begin before GSIM is asked, and are settled after it answered.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use super::lines::number_row;
use super::rows::{DataRow, Unreadable};
use crate::domain::{
    AttemptState, BeginOrder, BrandId, DueOrder, EndLine, IssuedOrder, IssuedSim, Msisdn, NewOrder,
    OLDER_BRAND, OrderLease, OrderRow, OrderedNumber, Scope, SimDelivery, SimId, UnreadableRow, WantedSim,
};

/// The steps of orders.
#[async_trait]
pub trait OrderStore {
    /// Takes the lease on a new order, or says why not. If the same order is in doubt, or its lease ran out, takes that order up
    /// again. While an order is under way its number does not expire.
    async fn begin_order(&self, scope: Scope<'_>, wish: &NewOrder) -> Result<BeginOrder, StoreError>;

    /// Records that GSIM made the SIM: the order becomes `HELD`, the number `IN_USE` on the SIM, its reservation `ASSIGNED`, and the
    /// SIM that it replaces `DEPROGRAMMED`. The caller has a lease for `deliver_within` to tell GSIM of the latter.
    async fn issue(
        &self,
        lease: &OrderLease,
        issued: &IssuedSim,
        deliver_within: Duration,
    ) -> Result<IssuedOrder, StoreError>;

    /// Records that GSIM gave no certain answer: the order becomes `IN_DOUBT` and is due in `retry_in`. Returns false if the order
    /// does not wait for the answer of this call.
    async fn doubt_order(
        &self,
        lease: &OrderLease,
        reason: &str,
        retry_in: Duration,
    ) -> Result<bool, StoreError>;

    /// Records that GSIM certainly made no SIM, and that no request of ours can still arrive: the order becomes `REJECTED`, and the
    /// number stays as it was before.
    async fn reject_order(&self, lease: &OrderLease, reason: &str) -> Result<(), StoreError>;

    /// Gives an order up although its request may still arrive at GSIM: it becomes `CANCELLING`. The caller has a lease for
    /// `deliver_within`, and delivers the cancellation at once. Returns none if a newer call has the order.
    async fn cancel_order(
        &self,
        lease: &OrderLease,
        reason: &str,
        deliver_within: Duration,
    ) -> Result<Option<SimDelivery>, StoreError>;

    /// Records that GSIM is to deprogram the SIM of an order whose row was lost in a failover of the database. Returns none if the
    /// order has a row.
    async fn release_lost_order(
        &self,
        lease: &OrderLease,
        deliver_within: Duration,
    ) -> Result<Option<SimDelivery>, StoreError>;

    /// Ends the line of a number: its SIM becomes `DEPROGRAMMED`, and the number `RETURNED`. The reservation waits until GSIM was
    /// told, and is then due for Sigan. The caller has a lease for `deliver_within` to tell GSIM.
    async fn end_line(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        deliver_within: Duration,
    ) -> Result<EndLine, StoreError>;

    /// Records that GSIM was told to deprogram a SIM. What waited for it goes on. Returns the state of the order, or none if it did
    /// not wait.
    async fn record_sim_delivery(&self, order: SimId) -> Result<Option<AttemptState>, StoreError>;

    /// Records that GSIM could not be told; the delivery is due again in `retry_in`.
    async fn record_failed_sim_delivery(
        &self,
        delivery: &SimDelivery,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError>;

    /// Claims at most `limit` orders for which GSIM is to be called, the longest due first, each with a lease for `lease`. A row that
    /// cannot be read is set aside.
    async fn claim_due_orders(&self, limit: u32, lease: Duration) -> Result<ClaimedOrders, StoreError>;
}

/// The orders that a sweep has claimed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimedOrders {
    /// The orders to ask or tell GSIM about.
    pub due: Vec<DueOrder>,
    /// Rows that could not be read. They are set aside from now on.
    pub set_aside: Vec<UnreadableRow>,
}

/// An SQL query: a number, with a row for each order that decides about another one. `$now` is the time; `$msisdn` and `$device`
/// are the parameters `$1` and `$4`, in the type of their columns.
macro_rules! ordered_number {
    ($now:literal, $msisdn:literal, $device:literal) => {
        concat!(
            "
            select p.status, p.assigned_sim_id, p.updated_at as number_version,
                   live.id as live_id, live.state as live_state, live.due_at <= ",
            $now,
            " as live_due, live.order_id is not null as ordered,
                   current.line_id as current_line,
                   coalesce(live.brand_id, current.carrier_tag) as brand_id,
                   $4 is null or exists (select 1 from device_model d where d.hash = ",
            $device,
            ") as has_device,
                   o.id, o.msisdn, o.line_id, o.sim_type, o.device_model_hash, o.iccid, o.delivery_address_hash, o.technology,
                   o.carrier_tag, o.replaces_sim_id, o.state, o.attempts, o.due_at <= ",
            $now,
            " as due, o.lease_id = $5 as leased,
                   o.client = $6 and o.idempotency_key = $7 and o.state <> 'REJECTED' as keyed, made.profile_state
            from phone_number p
            left join reservation live
                on live.msisdn = p.msisdn and ",
            $crate::store::live::live!("live.state"),
            "
            left join sim current on current.id = p.assigned_sim_id
            left join sim_order o
                on o.msisdn = ",
            $msisdn,
            " and o.state in ('PENDING', 'IN_DOUBT', 'CANCELLING')
                or o.id = p.assigned_sim_id
                or o.client = $6 and o.idempotency_key = $7 and o.state <> 'REJECTED'
            left join sim made on made.id = o.id
            where p.msisdn = ",
            $msisdn,
            " and ($2 is null or ",
            $crate::store::tenant::brand_of_number!("p.msisdn", "p.status"),
            " in ($2, $3))"
        )
    };
}
pub(super) use ordered_number;

/// Reads a number and its orders. There is a row for each order, each with the number's own columns, or one row without an order.
pub(super) fn ordered<R: DataRow>(rows: &[R]) -> Result<Option<OrderedNumber>, sqlx::Error> {
    let Some(first) = rows.first() else { return Ok(None) };
    let orders: Result<Vec<_>, _> = rows.iter().map(order_row).collect();
    let brand: Option<BrandId> = first.maybe_parsed("brand_id")?;
    Ok(Some(OrderedNumber {
        number: number_row(first)?,
        brand: brand.filter(|brand| brand.as_str() != OLDER_BRAND),
        line: first.maybe_id("current_line")?,
        orders: orders?.into_iter().flatten().collect(),
        has_device: first.flag("has_device")?,
    }))
}

fn order_row<R: DataRow>(row: &R) -> Result<Option<OrderRow>, sqlx::Error> {
    let Some(id) = row.maybe_id("id")? else { return Ok(None) };
    Ok(Some(OrderRow {
        id,
        msisdn: row.parsed("msisdn")?,
        line: row.id("line_id")?,
        wanted: wanted(row)?,
        technology: row.text("technology")?.into(),
        brand: row.parsed("carrier_tag")?,
        replaces: row.maybe_id("replaces_sim_id")?,
        state: row.parsed("state")?,
        attempts: row.attempts("attempts")?,
        due: row.flag("due")?,
        leased: row.flag("leased")?,
        keyed: row.flag("keyed")?,
        profile: row.maybe_parsed("profile_state")?,
    }))
}

fn wanted(row: &impl DataRow) -> Result<WantedSim, sqlx::Error> {
    Ok(match row.maybe_parsed("device_model_hash")? {
        Some(device) => WantedSim::Esim(device),
        None => {
            WantedSim::Card { iccid: row.parsed("iccid")?, address: row.parsed("delivery_address_hash")? }
        }
    })
}

/// Reads the SIM that a line had, which GSIM has to be told to deprogram.
pub(super) fn ended_sim(row: &impl DataRow) -> Result<Option<SimDelivery>, sqlx::Error> {
    let Some(order) = row.maybe_id("ended_id")? else { return Ok(None) };
    Ok(Some(SimDelivery { order, sim_type: row.parsed("ended_type")?, attempts: 0 }))
}

/// Reads an order that was claimed.
pub(super) fn claimed_order(row: &impl DataRow) -> Result<Result<DueOrder, Unreadable>, sqlx::Error> {
    match due_order(row) {
        Ok(due) => Ok(Ok(due)),
        Err(error) => Unreadable::of("sim_order", row, &error).map(Err),
    }
}

fn due_order(row: &impl DataRow) -> Result<DueOrder, sqlx::Error> {
    let (order, attempts) = (row.id("id")?, row.attempts("attempts")?);
    if row.parsed::<AttemptState>("state")? != AttemptState::Pending {
        return Ok(DueOrder::Delivery(SimDelivery { order, sim_type: row.parsed("sim_type")?, attempts }));
    }
    Ok(DueOrder::Doubtful(OrderLease {
        order,
        call: attempts,
        msisdn: row.parsed("msisdn")?,
        brand: row.parsed("carrier_tag")?,
        wanted: wanted(row)?,
        technology: row.text("technology")?.into(),
        replaces: row.maybe_id("replaces_sim_id")?,
    }))
}

/// The unique index that refuses a second active SIM with an ICCID.
pub(super) const ACTIVE_ICCID: &str = "sim_active_iccid";

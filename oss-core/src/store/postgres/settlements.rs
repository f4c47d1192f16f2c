//! The settlement of one number on PostgreSQL.
//!
//! A statement waits for a row that another one is changing, and then decides by the new row. So of two calls one claims it, and the
//! other one sees its lease.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use crate::domain::{Due, DueOrder, Msisdn, Scope};
use crate::store::StoreError;
use crate::store::orders::claimed_order;
use crate::store::rows::{DataRow, Unreadable};
use crate::store::settlements::{NumberClaims, SettlementStore, Unsettled, wait};
use crate::store::sweep::claimed_row;

/// An SQL expression: whether nobody else can have a lease on a row that is not settled. `$4` is the longest time of a lease.
macro_rules! is_free {
    () => {
        "(state = 'IN_DOUBT' or due_at <= clock_timestamp()
          or state in ('RELEASING', 'CANCELLING') and due_at > clock_timestamp() + make_interval(secs => $4))"
    };
}

/// An SQL expression: the seconds until a row is due.
macro_rules! wait_secs {
    () => {
        "greatest(extract(epoch from due_at - clock_timestamp()), 0)::float8"
    };
}

#[async_trait]
impl SettlementStore for PostgresStore {
    async fn claim_attempt_of(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<NumberClaims<Due>, StoreError> {
        // The reservation of an ended line waits for the order of its last SIM, as in the sweep.
        const SQL: &str = concat!(
            "
            with latest as materialized (
                select id, ",
            wait_secs!(),
            " as wait_secs, order_id is null and ",
            is_free!(),
            "
                       and (state <> 'RELEASING' or not exists (
                           select from sim_order o where o.msisdn = r.msisdn and o.state = 'RELEASING'
                       )) as claimable
                from reservation r
                where msisdn = $1::char(11) and state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING')
                  and set_aside is null and ($2::text is null or brand_id in ($2, $3))
                order by id desc
                limit 1
                for update of r
            ), claimed as (
                update reservation r
                set state = case r.state when 'IN_DOUBT' then 'PENDING' else r.state end,
                    attempts = r.attempts + 1, due_at = clock_timestamp() + make_interval(secs => $4)
                from latest
                where r.id = latest.id and latest.claimable
                returning r.id, r.state, r.attempts, r.external_id, r.brand_id, r.msisdn,
                          r.preview_id is not null or r.idempotency_key is not null as nameable
            )
            select claimed.*, latest.claimable, latest.wait_secs
            from latest
            left join claimed on true"
        );
        self.claim_of(SQL, scope, msisdn, lease, claimed_row).await
    }

    async fn claim_orders_of(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<NumberClaims<DueOrder>, StoreError> {
        // The latest order is locked first, as by the statement that records its SIM and ends the SIM before it.
        const SQL: &str = concat!(
            "
            with unsettled as materialized (
                select id, ",
            wait_secs!(),
            " as wait_secs, ",
            is_free!(),
            " as claimable
                from sim_order
                where msisdn = $1::char(11) and state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING')
                  and set_aside is null and ($2::text is null or carrier_tag in ($2, $3))
                order by id desc
                for update
            ), claimed as (
                update sim_order o
                set state = case o.state when 'IN_DOUBT' then 'PENDING' else o.state end,
                    attempts = o.attempts + 1, due_at = clock_timestamp() + make_interval(secs => $4)
                from unsettled
                where o.id = unsettled.id and unsettled.claimable
                returning o.*
            )
            select claimed.*, unsettled.claimable, unsettled.wait_secs
            from unsettled
            left join claimed on claimed.id = unsettled.id"
        );
        self.claim_of(SQL, scope, msisdn, lease, claimed_order).await
    }
}

impl PostgresStore {
    /// Runs a statement that claims rows of a number, and sets those aside that cannot be read.
    async fn claim_of<T: Send>(
        &self,
        sql: &'static str,
        scope: Scope<'_>,
        msisdn: Msisdn,
        lease: Duration,
        claimed: fn(&PgRow) -> Result<Result<T, Unreadable>, sqlx::Error>,
    ) -> Result<NumberClaims<T>, StoreError> {
        let [brand, older] = scope.parameters();
        let statement =
            || sqlx::query(sql).bind(msisdn.to_string()).bind(brand).bind(older).bind(lease.as_secs_f64());
        let read = |row: &PgRow| {
            Ok(if row.flag("claimable")? {
                Unsettled::Claimed(claimed(row)?)
            } else {
                Unsettled::Busy(wait(row)?)
            })
        };
        let mut claims = NumberClaims::new();
        for row in self.connections.all(statement, read).await? {
            match row {
                Unsettled::Claimed(Ok(due)) => claims.due.push(due),
                Unsettled::Claimed(Err(unreadable)) => {
                    self.set_aside(&unreadable).await?;
                    claims.set_aside.push(unreadable.row);
                }
                Unsettled::Busy(wait) => claims.add_busy(wait),
            }
        }
        Ok(claims)
    }
}

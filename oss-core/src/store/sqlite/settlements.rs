//! The settlement of one number on SQLite.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::SqliteStore;
use super::connections::Step;
use crate::domain::{Due, DueOrder, Msisdn, Scope};
use crate::store::StoreError;
use crate::store::orders::claimed_order;
use crate::store::rows::{DataRow, Unreadable};
use crate::store::settlements::{NumberClaims, SettlementStore, wait};
use crate::store::sweep::claimed_row;

/// An SQL expression: whether nobody else can have a lease on a row that is not settled. `$4` is the time, and `$5` the latest end of a
/// lease.
macro_rules! is_free {
    () => {
        "(state = 'IN_DOUBT' or due_at <= $4 or state in ('RELEASING', 'CANCELLING') and due_at > $5)"
    };
}

/// An SQL expression: the seconds until a row is due. `$4` is the time.
macro_rules! wait_secs {
    () => {
        "max(coalesce(due_at - $4, 0), 0) / 1e6"
    };
}

/// The statements that claim rows.
struct Sql<T> {
    /// Finds the rows that are not settled.
    find: &'static str,
    /// Claims one of them. A first call whose lease ended becomes a doubt, and its event has the time of the update.
    claim: &'static str,
    read: fn(&SqliteRow) -> Result<Result<T, Unreadable>, sqlx::Error>,
}

const ATTEMPT: Sql<Due> = Sql {
    // The reservation of an ended line waits for the order of its last SIM, as in the sweep.
    find: concat!(
        "
        select id, ",
        wait_secs!(),
        " as wait_secs, order_id is null and ",
        is_free!(),
        "
               and (state <> 'RELEASING' or not exists (
                   select 1 from sim_order o where o.msisdn = r.msisdn and o.state = 'RELEASING'
               )) as claimable
        from reservation r
        where msisdn = $1 and state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING') and set_aside is null
          and ($2 is null or brand_id in ($2, $3))
        order by id desc
        limit 1"
    ),
    claim: "
        update reservation
        set state = case state when 'IN_DOUBT' then 'PENDING' else state end, attempts = attempts + 1, due_at = $2,
            updated_at = case state when 'PENDING' then $3 else updated_at end
        where id = $1
        returning id, state, attempts, external_id, brand_id, msisdn,
                  preview_id is not null or idempotency_key is not null as nameable",
    read: claimed_row,
};

const ORDERS: Sql<DueOrder> = Sql {
    find: concat!(
        "
        select id, ",
        wait_secs!(),
        " as wait_secs, ",
        is_free!(),
        " as claimable
        from sim_order
        where msisdn = $1 and state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING') and set_aside is null
          and ($2 is null or carrier_tag in ($2, $3))
        order by id desc"
    ),
    claim: "
        update sim_order
        set state = case state when 'IN_DOUBT' then 'PENDING' else state end, attempts = attempts + 1, due_at = $2,
            updated_at = case state when 'PENDING' then $3 else updated_at end
        where id = $1
        returning *",
    read: claimed_order,
};

#[async_trait]
impl SettlementStore for SqliteStore {
    async fn claim_attempt_of(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<NumberClaims<Due>, StoreError> {
        let brands = scope.owned_parameters();
        self.connections.write(move |step| Box::pin(step.claim_of(&ATTEMPT, brands, msisdn, lease))).await
    }

    async fn claim_orders_of(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<NumberClaims<DueOrder>, StoreError> {
        let brands = scope.owned_parameters();
        self.connections.write(move |step| Box::pin(step.claim_of(&ORDERS, brands, msisdn, lease))).await
    }
}

impl Step<'_> {
    async fn claim_of<T: Send>(
        mut self,
        sql: &Sql<T>,
        [brand, older]: [Option<String>; 2],
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<NumberClaims<T>, sqlx::Error> {
        let ends_at = self.now.after(lease);
        let find = sqlx::query(sql.find).bind(msisdn.as_str()).bind(brand).bind(older);
        let read = |row: &SqliteRow| Ok((row.id::<Uuid>("id")?, row.flag("claimable")?, wait(row)?));
        let mut claims = NumberClaims::new();
        for (id, is_claimable, wait) in self.all(find.bind(self.now.0).bind(ends_at), read).await? {
            if !is_claimable {
                claims.add_busy(wait);
                continue;
            }
            let claim = sqlx::query(sql.claim).bind(id).bind(ends_at).bind(self.now.0);
            match self.one(claim, sql.read).await? {
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

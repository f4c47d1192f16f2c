//! Events on PostgreSQL.
//!
//! A transaction that began earlier may commit later, so neither the positions nor the times are the order of the commits. A reader goes
//! by the number of the transaction, and reads only events whose transaction is older than every running one. No event can appear among
//! those later.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;

use super::PostgresStore;
use crate::domain::{EventCursor, EventRows, Scope};
use crate::store::StoreError;
use crate::store::events::{DISORDER, EventStore, cursor, event_rows, scanned};
use crate::store::rows::DataRow;

/// The first number of a transaction whose events cannot be read yet. Events with a number from the end of the snapshot on were restored
/// from another server, so all of them are committed.
macro_rules! horizon {
    () => {
        "(
            select case when latest.transaction_id >= pg_snapshot_xmax(snapshot.taken)::text::bigint + o.added
                        then latest.transaction_id + 1
                        else pg_snapshot_xmin(snapshot.taken)::text::bigint + o.added end
            from event_offset o
            cross join (select pg_current_snapshot() as taken) snapshot
            cross join (select max(transaction_id) as transaction_id from event) latest
        )"
    };
}
pub(super) use horizon;

#[async_trait]
impl EventStore for PostgresStore {
    async fn events(
        &self,
        scope: Scope<'_>,
        after: EventCursor,
        limit: u32,
    ) -> Result<EventRows, StoreError> {
        const SQL: &str = concat!(
            "
            with scanned as materialized (
                select * from event
                where (transaction_id, position) > ($1, $2) and transaction_id < ",
            horizon!(),
            "
                order by transaction_id, position
                limit $5
            )
            select last.transaction_id as last_transaction, last.position as last_position, shown.*
            from (
                select transaction_id, position from scanned order by transaction_id desc, position desc limit 1
            ) last
            left join (
                select * from scanned
                where $3::text is null or brand_id in ($3, $4)
                order by transaction_id, position
                limit $6
            ) shown on true
            order by shown.transaction_id, shown.position"
        );
        let [brand, older] = scope.parameters();
        let statement = || {
            sqlx::query(SQL)
                .bind(after.transaction)
                .bind(after.position)
                .bind(brand)
                .bind(older)
                .bind(scanned(scope, limit))
                .bind(i64::from(limit))
        };
        self.connections.read(statement, |rows| event_rows(rows, after, limit)).await
    }

    async fn events_before(
        &self,
        scope: Scope<'_>,
        (after, before): (EventCursor, EventCursor),
        limit: u32,
    ) -> Result<EventRows, StoreError> {
        const SQL: &str = concat!(
            "
            with scanned as materialized (
                select * from event
                where (transaction_id, position) > ($1, $2) and (transaction_id, position) < ($3, $4) and transaction_id < ",
            horizon!(),
            "
                order by transaction_id desc, position desc
                limit $7
            )
            select last.transaction_id as last_transaction, last.position as last_position, shown.*
            from (select transaction_id, position from scanned order by transaction_id, position limit 1) last
            left join (
                select * from scanned
                where $5::text is null or brand_id in ($5, $6)
                order by transaction_id desc, position desc
                limit $8
            ) shown on true
            order by shown.transaction_id desc, shown.position desc"
        );
        let [brand, older] = scope.parameters();
        let statement = || {
            sqlx::query(SQL)
                .bind(after.transaction)
                .bind(after.position)
                .bind(before.transaction)
                .bind(before.position)
                .bind(brand)
                .bind(older)
                .bind(scanned(scope, limit))
                .bind(i64::from(limit))
        };
        self.connections.read(statement, |rows| event_rows(rows, before, limit)).await
    }

    async fn last_event(&self) -> Result<EventCursor, StoreError> {
        const SQL: &str = concat!(
            "
            select transaction_id, position from event
            where transaction_id < ",
            horizon!(),
            "
            order by transaction_id desc, position desc
            limit 1"
        );
        Ok(self.connections.maybe(|| sqlx::query(SQL), cursor).await?.unwrap_or_default())
    }

    async fn has_place(&self, place: EventCursor) -> Result<bool, StoreError> {
        const SQL: &str = concat!("select $1::bigint < ", horizon!(), " as has_place");
        self.connections.one(|| sqlx::query(SQL).bind(place.transaction), |row| row.flag("has_place")).await
    }

    async fn events_since(&self, time: DateTime<Utc>) -> Result<EventCursor, StoreError> {
        // The times have no index. They grow with the transactions, so the first event is found by halving.
        const RANGE: &str = "
            select min(transaction_id) as first, max(transaction_id) as last from event";
        const PROBE: &str = "
            select transaction_id, recorded_at < $2 - make_interval(secs => $3) as earlier
            from event
            where transaction_id >= $1
            order by transaction_id, position
            limit 1";
        let range = |row: &PgRow| Ok((row.maybe_count("first")?, row.maybe_count("last")?));
        let (Some(mut low), Some(last)) = self.connections.one(|| sqlx::query(RANGE), range).await? else {
            return Ok(EventCursor::default());
        };
        // Everything before `low` is earlier, and nothing from `high` on.
        let mut high = last.saturating_add(1);
        while low < high {
            let middle = low + (high - low) / 2;
            let statement = || sqlx::query(PROBE).bind(middle).bind(time).bind(DISORDER.as_secs_f64());
            let read = |row: &PgRow| Ok((row.count("transaction_id")?, row.flag("earlier")?));
            match self.connections.maybe(statement, read).await? {
                Some((found, true)) => low = found.saturating_add(1),
                _ => high = middle,
            }
        }
        Ok(EventCursor { transaction: low.saturating_sub(1), position: i64::MAX })
    }

    async fn announce_expiring(&self, notice: Duration, limit: u32) -> Result<u64, StoreError> {
        // The trigger of the reservations writes the events.
        const SQL: &str = "
            with expiring as materialized (
                select id from reservation
                where state = 'HELD' and expiring_for is distinct from due_at
                  and due_at > now() and due_at <= now() + make_interval(secs => $1)
                  and due_at - created_at > make_interval(secs => $1) and set_aside is null and order_id is null
                order by due_at
                limit $2
                for update skip locked
            ), announced as (
                update reservation r
                set expiring_for = r.due_at
                from expiring
                where r.id = expiring.id and r.state = 'HELD'
                returning r.id
            )
            select count(*) as announced from announced";
        let statement = || sqlx::query(SQL).bind(notice.as_secs_f64()).bind(i64::from(limit));
        self.connections.one(statement, |row| row.count("announced").map(i64::unsigned_abs)).await
    }

    async fn purge_events(&self, retention: Duration, limit: u32) -> Result<u64, StoreError> {
        // Mostly the first event is not old, and no other one is read.
        const SQL: &str = "
            with first as materialized (
                select transaction_id, position, recorded_at from event
                where (select recorded_at from event order by transaction_id, position limit 1) < now() - make_interval(secs => $1)
                order by transaction_id, position
                limit $2
            ), deleted as (
                delete from event e
                using first
                where e.transaction_id = first.transaction_id and e.position = first.position
                  and first.recorded_at < now() - make_interval(secs => $1)
                returning true
            )
            select count(*) as deleted from deleted";
        let statement = || sqlx::query(SQL).bind(retention.as_secs_f64()).bind(i64::from(limit));
        self.connections.one(statement, |row| row.count("deleted").map(i64::unsigned_abs)).await
    }
}

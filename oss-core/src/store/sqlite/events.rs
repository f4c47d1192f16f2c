//! Events on SQLite. Only one connection writes, so the position is the order of the commits.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SqliteStore;
use super::connections::Micros;
use crate::domain::{EventCursor, EventRows, ReservationId, Scope};
use crate::store::StoreError;
use crate::store::events::{DISORDER, EventStore, cursor, event_rows, scanned};
use crate::store::rows::DataRow;

#[async_trait]
impl EventStore for SqliteStore {
    async fn events(
        &self,
        scope: Scope<'_>,
        after: EventCursor,
        limit: u32,
    ) -> Result<EventRows, StoreError> {
        const SQL: &str = "
            with scanned as materialized (
                select * from event where position > $1 order by position limit $4
            )
            select last.transaction_id as last_transaction, last.position as last_position, shown.*
            from (select transaction_id, position from scanned order by position desc limit 1) last
            left join (
                select * from scanned where $2 is null or brand_id in ($2, $3) order by position limit $5
            ) shown on true
            order by shown.position";
        let [brand, older] = scope.parameters();
        let statement = sqlx::query(SQL)
            .bind(after.position)
            .bind(brand)
            .bind(older)
            .bind(scanned(scope, limit))
            .bind(i64::from(limit));
        self.connections.read(statement, |rows| event_rows(rows, after, limit)).await
    }

    async fn events_before(
        &self,
        scope: Scope<'_>,
        (after, before): (EventCursor, EventCursor),
        limit: u32,
    ) -> Result<EventRows, StoreError> {
        const SQL: &str = "
            with scanned as materialized (
                select * from event where position > $1 and position < $2 order by position desc limit $5
            )
            select last.transaction_id as last_transaction, last.position as last_position, shown.*
            from (select transaction_id, position from scanned order by position limit 1) last
            left join (
                select * from scanned where $3 is null or brand_id in ($3, $4) order by position desc limit $6
            ) shown on true
            order by shown.position desc";
        let [brand, older] = scope.parameters();
        let statement = sqlx::query(SQL)
            .bind(after.position)
            .bind(before.position)
            .bind(brand)
            .bind(older)
            .bind(scanned(scope, limit))
            .bind(i64::from(limit));
        self.connections.read(statement, |rows| event_rows(rows, before, limit)).await
    }

    async fn last_event(&self) -> Result<EventCursor, StoreError> {
        const SQL: &str = "select transaction_id, position from event order by position desc limit 1";
        Ok(self.connections.maybe(sqlx::query(SQL), cursor).await?.unwrap_or_default())
    }

    async fn has_place(&self, place: EventCursor) -> Result<bool, StoreError> {
        const SQL: &str = "
            select $1 = 0 and $2 <= coalesce((select seq from sqlite_sequence where name = 'event'), 0) as has_place";
        let statement = sqlx::query(SQL).bind(place.transaction).bind(place.position);
        self.connections.one(statement, |row| row.flag("has_place")).await
    }

    async fn events_since(&self, time: DateTime<Utc>) -> Result<EventCursor, StoreError> {
        const SQL: &str = "
            select transaction_id, position from event where recorded_at < $1 order by position desc limit 1";
        let since = Micros(time.timestamp_micros()).before(DISORDER);
        Ok(self.connections.maybe(sqlx::query(SQL).bind(since), cursor).await?.unwrap_or_default())
    }

    async fn announce_expiring(&self, notice: Duration, limit: u32) -> Result<u64, StoreError> {
        // A trigger does not know the time, and the row does not change its own.
        const TOLD: &str = "
            insert into event (recorded_at, kind, brand_id, client, reservation_id, msisdn, state_before, state_after)
            select $1, 'number.expiring', brand_id, client, id, msisdn, state, state
            from reservation
            where state = 'HELD' and expiring_for is not due_at and due_at > $1 and due_at <= $2 and due_at - created_at > $3
              and set_aside is null and order_id is null
            order by due_at
            limit $4
            returning reservation_id";
        const ANNOUNCED: &str = "update reservation set expiring_for = due_at where id = $1";
        let whole = i64::try_from(notice.as_micros()).unwrap_or(i64::MAX);
        self.connections
            .write(move |mut step| {
                Box::pin(async move {
                    let until = step.now.after(notice);
                    let told =
                        sqlx::query(TOLD).bind(step.now.0).bind(until).bind(whole).bind(i64::from(limit));
                    let told: Vec<ReservationId> = step.all(told, |row| row.id("reservation_id")).await?;
                    let mut announced = 0;
                    for id in told {
                        announced += step.run(sqlx::query(ANNOUNCED).bind(id.as_uuid())).await?;
                    }
                    Ok(announced)
                })
            })
            .await
    }

    async fn purge_events(&self, retention: Duration, limit: u32) -> Result<u64, StoreError> {
        // Mostly the first event is not old, and no other one is read.
        const SQL: &str = "
            delete from event
            where (select recorded_at from event order by position limit 1) < $1
              and position in (select position from event order by position limit $2) and recorded_at < $1";
        self.connections
            .write(move |mut step| {
                Box::pin(async move {
                    let statement = sqlx::query(SQL).bind(step.now.before(retention)).bind(i64::from(limit));
                    step.run(statement).await
                })
            })
            .await
    }
}

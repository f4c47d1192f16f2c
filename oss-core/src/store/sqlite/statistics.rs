//! Statistics on SQLite.

use std::time::Duration;

use async_trait::async_trait;

use super::SqliteStore;
use super::connections::Step;
use crate::domain::{AttemptCount, Backlog, BrandId, ChangeCount, DrawBatch, DrawCount, LastAudit};
use crate::store::StoreError;
use crate::store::rows::DataRow;
use crate::store::statistics::{
    ATTEMPT_COUNTS, BATCHES_KEPT, COUNTED, KEPT, LAST_AUDITS, StatisticsStore, attempt_count, backlog,
    change_count, draw_count, last_audit, stored,
};

/// An hour, in microseconds.
const HOUR: i64 = 3_600_000_000;

#[async_trait]
impl StatisticsStore for SqliteStore {
    async fn count_events(&self, limit: u32) -> Result<u64, StoreError> {
        self.connections.write(move |step| Box::pin(step.count_events(limit))).await
    }

    async fn attempt_counts(&self) -> Result<Vec<AttemptCount>, StoreError> {
        let counts = self.connections.all(sqlx::query(ATTEMPT_COUNTS), attempt_count).await?;
        Ok(counts.into_iter().flatten().collect())
    }

    async fn changes(&self, within: Duration) -> Result<Vec<ChangeCount>, StoreError> {
        const SQL: &str = "
            select hour, brand_id, kind, changes from hourly_changes where hour > $1 order by hour desc, brand_id, kind";
        let since = self.connections.now().before(within);
        let counts = self.connections.all(sqlx::query(SQL).bind(since), change_count).await?;
        Ok(counts.into_iter().flatten().collect())
    }

    async fn backlogs(&self) -> Result<Vec<Backlog>, StoreError> {
        const SQL: &str = "
            select kind, state, count(*) as due, sum(count(*)) over (partition by kind) >= $2 as at_least,
                   ($1 - min(due_at)) / 1e6 as oldest_secs
            from (
                select * from (
                    select 'numbers' as kind, state, due_at from reservation
                    where state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING') and due_at <= $1
                    order by due_at
                    limit $2
                )
                union all
                select * from (
                    select 'sims', state, due_at from sim_order
                    where state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING') and due_at <= $1
                    order by due_at
                    limit $2
                )
            )
            group by kind, state
            order by kind, state";
        let statement = sqlx::query(SQL).bind(self.connections.now().0).bind(COUNTED);
        self.connections.all(statement, backlog).await
    }

    async fn add_draws(&self, batch: &DrawBatch) -> Result<(), StoreError> {
        let batch = batch.clone();
        self.connections.write(move |step| Box::pin(step.add_draws(batch))).await
    }

    async fn draws(&self, within: Duration) -> Result<Vec<DrawCount>, StoreError> {
        const SQL: &str = "
            select hour, ddd, draws, none_left from draw_count where hour > $1 order by hour desc, ddd";
        let since = self.connections.now().before(within);
        self.connections.all(sqlx::query(SQL).bind(since), draw_count).await
    }

    async fn record_audit(&self, brand: &BrandId, differences: u64) -> Result<(), StoreError> {
        let brand = brand.clone();
        self.connections.write(move |step| Box::pin(step.record_audit(brand, differences))).await
    }

    async fn last_audits(&self) -> Result<Vec<LastAudit>, StoreError> {
        self.connections.all(sqlx::query(LAST_AUDITS), last_audit).await
    }
}

impl Step<'_> {
    async fn count_events(mut self, limit: u32) -> Result<u64, sqlx::Error> {
        const PASSED: &str = "
            select coalesce(max(position), 0) as last, count(*) as passed
            from (
                select position from event
                where position > (select position from counted_events)
                order by position
                limit $1
            )";
        const COUNT: &str = "
            with passed as materialized (
                select brand_id, substr(msisdn, 1, 2) as ddd, state_before, state_after from event
                where position > (select position from counted_events) and position <= $1 and reservation_id is not null
            )
            insert into attempt_count (brand_id, ddd, state, attempts)
            select brand_id, ddd, state, sum(difference)
            from (
                select brand_id, ddd, state_before as state, -1 as difference from passed
                union all
                select brand_id, ddd, state_after, 1 from passed
            )
            where state is not null
            group by 1, 2, 3
            having sum(difference) <> 0
            on conflict (brand_id, ddd, state) do update set attempts = attempts + excluded.attempts";
        const OLD: &str = "delete from hourly_changes where hour < $1";
        const HOURLY: &str = "
            insert into hourly_changes (hour, brand_id, kind, changes)
            select recorded_at - recorded_at % $3, brand_id, kind, count(*)
            from event
            where position > (select position from counted_events) and position <= $1 and recorded_at - recorded_at % $3 >= $2
            group by 1, 2, 3
            on conflict (hour, brand_id, kind) do update set changes = changes + excluded.changes";
        const MOVE: &str = "update counted_events set position = $1";
        let read = |row: &_| Ok((DataRow::count(row, "last")?, DataRow::count(row, "passed")?));
        let (last, passed) = self.one(sqlx::query(PASSED).bind(i64::from(limit)), read).await?;
        if passed > 0 {
            let kept_since = self.now.before(KEPT);
            self.run(sqlx::query(COUNT).bind(last)).await?;
            self.run(sqlx::query(OLD).bind(kept_since)).await?;
            self.run(sqlx::query(HOURLY).bind(last).bind(kept_since).bind(HOUR)).await?;
            self.run(sqlx::query(MOVE).bind(last)).await?;
        }
        Ok(passed.unsigned_abs())
    }

    async fn add_draws(mut self, batch: DrawBatch) -> Result<(), sqlx::Error> {
        const OLD: &str = "delete from draw_count where hour < $1";
        const ENDED: &str = "delete from draw_batch where stored_at < $1 and process_id <> $2";
        const NEW: &str = "
            insert into draw_batch (process_id, batch, stored_at) values ($1, $2, $3)
            on conflict (process_id) do update set batch = excluded.batch, stored_at = excluded.stored_at
            where batch < excluded.batch";
        const SQL: &str = "
            insert into draw_count (hour, ddd, draws, none_left) values ($1, $2, $3, $4)
            on conflict (hour, ddd) do update
            set draws = draws + excluded.draws, none_left = none_left + excluded.none_left";
        let hour = self.now.0 - self.now.0.rem_euclid(HOUR);
        let DrawBatch { process, number, tally } = batch;
        self.run(sqlx::query(OLD).bind(self.now.before(KEPT))).await?;
        self.run(sqlx::query(ENDED).bind(self.now.before(BATCHES_KEPT)).bind(process)).await?;
        let new = sqlx::query(NEW).bind(process).bind(stored(number)).bind(self.now.0);
        if self.run(new).await? == 0 {
            return Ok(());
        }
        for (ddd, new) in tally {
            let statement = sqlx::query(SQL)
                .bind(hour)
                .bind(ddd.to_string())
                .bind(stored(new.draws))
                .bind(stored(new.none_left));
            self.run(statement).await?;
        }
        Ok(())
    }

    async fn record_audit(mut self, brand: BrandId, differences: u64) -> Result<(), sqlx::Error> {
        const SQL: &str = "
            insert into last_audit (brand_id, finished_at, differences) values ($1, $2, $3)
            on conflict (brand_id) do update set finished_at = excluded.finished_at, differences = excluded.differences";
        let statement = sqlx::query(SQL).bind(brand.as_str()).bind(self.now.0).bind(stored(differences));
        self.run(statement).await.map(drop)
    }
}

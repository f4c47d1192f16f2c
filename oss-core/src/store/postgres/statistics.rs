//! Statistics on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;

use super::PostgresStore;
use super::events::horizon;
use crate::domain::{AttemptCount, Backlog, BrandId, ChangeCount, DrawBatch, DrawCount, LastAudit};
use crate::store::StoreError;
use crate::store::rows::DataRow;
use crate::store::statistics::{
    ATTEMPT_COUNTS, BATCHES_KEPT, COUNTED, KEPT, LAST_AUDITS, StatisticsStore, attempt_count, backlog,
    change_count, draw_count, last_audit, stored,
};

#[async_trait]
impl StatisticsStore for PostgresStore {
    async fn count_events(&self, limit: u32) -> Result<u64, StoreError> {
        // The lock on the place makes two processes take turns. The second one sees the place to which the first one moved it.
        const SQL: &str = concat!(
            "
            with place as materialized (
                select transaction_id, position from counted_events for update
            ), passed as materialized (
                select e.*
                from event e, place
                where (e.transaction_id, e.position) > (place.transaction_id, place.position) and e.transaction_id < ",
            horizon!(),
            "
                order by e.transaction_id, e.position
                limit $1
            ), change as (
                select brand_id, left(msisdn, 2) as ddd, state, sum(difference)::bigint as difference
                from (
                    select brand_id, msisdn, state_before as state, -1 as difference from passed where reservation_id is not null
                    union all
                    select brand_id, msisdn, state_after, 1 from passed where reservation_id is not null
                ) step
                where state is not null
                group by 1, 2, 3
                having sum(difference) <> 0
            ), counted as (
                insert into attempt_count (brand_id, ddd, state, attempts)
                select brand_id, ddd, state, difference from change
                on conflict (brand_id, ddd, state) do update set attempts = attempt_count.attempts + excluded.attempts
            ), old as (
                delete from hourly_changes where hour < now() - make_interval(secs => $2)
            ), hourly as (
                insert into hourly_changes (hour, brand_id, kind, changes)
                select date_trunc('hour', recorded_at, 'UTC'), brand_id, kind, count(*)
                from passed
                where date_trunc('hour', recorded_at, 'UTC') >= now() - make_interval(secs => $2)
                group by 1, 2, 3
                on conflict (hour, brand_id, kind) do update set changes = hourly_changes.changes + excluded.changes
            ), moved as (
                update counted_events
                set (transaction_id, position) =
                    (select transaction_id, position from passed order by 1 desc, 2 desc limit 1)
                where exists (select from passed)
            )
            select count(*) as passed from passed"
        );
        let statement = || sqlx::query(SQL).bind(i64::from(limit)).bind(KEPT.as_secs_f64());
        self.connections.one(statement, |row| Ok(row.count("passed")?.unsigned_abs())).await
    }

    async fn attempt_counts(&self) -> Result<Vec<AttemptCount>, StoreError> {
        let counts = self.connections.all(|| sqlx::query(ATTEMPT_COUNTS), attempt_count).await?;
        Ok(counts.into_iter().flatten().collect())
    }

    async fn changes(&self, within: Duration) -> Result<Vec<ChangeCount>, StoreError> {
        const SQL: &str = "
            select hour, brand_id, kind, changes
            from hourly_changes
            where hour > now() - make_interval(secs => $1)
            order by hour desc, brand_id, kind";
        let statement = || sqlx::query(SQL).bind(within.as_secs_f64());
        Ok(self.connections.all(statement, change_count).await?.into_iter().flatten().collect())
    }

    async fn backlogs(&self) -> Result<Vec<Backlog>, StoreError> {
        const SQL: &str = "
            select kind, state, count(*) as due, sum(count(*)) over (partition by kind) >= $1 as at_least,
                   extract(epoch from now() - min(due_at))::float8 as oldest_secs
            from (
                (
                    select 'numbers' as kind, state, due_at from reservation
                    where state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING') and due_at <= now()
                    order by due_at
                    limit $1
                )
                union all
                (
                    select 'sims', state, due_at from sim_order
                    where state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING') and due_at <= now()
                    order by due_at
                    limit $1
                )
            ) due
            group by kind, state
            order by kind, state";
        self.connections.all(|| sqlx::query(SQL).bind(COUNTED), backlog).await
    }

    async fn add_draws(&self, batch: &DrawBatch) -> Result<(), StoreError> {
        const SQL: &str = "
            with old as (
                delete from draw_count where hour < now() - make_interval(secs => $4)
            ), ended as (
                delete from draw_batch where stored_at < now() - make_interval(secs => $7) and process_id <> $5
            ), new as (
                insert into draw_batch (process_id, batch, stored_at) values ($5, $6, now())
                on conflict (process_id) do update set batch = excluded.batch, stored_at = excluded.stored_at
                where draw_batch.batch < excluded.batch
                returning batch
            )
            insert into draw_count (hour, ddd, draws, none_left)
            select date_trunc('hour', now(), 'UTC'), ddd, draws, none_left
            from unnest($1::text[], $2::bigint[], $3::bigint[]) as drawn (ddd, draws, none_left)
            where exists (select from new)
            order by ddd
            on conflict (hour, ddd) do update
            set draws = draw_count.draws + excluded.draws, none_left = draw_count.none_left + excluded.none_left";
        let DrawBatch { process, number, tally } = batch;
        let ddds: Vec<String> = tally.keys().map(ToString::to_string).collect();
        let draws: Vec<i64> = tally.values().map(|new| stored(new.draws)).collect();
        let none_left: Vec<i64> = tally.values().map(|new| stored(new.none_left)).collect();
        let statement = || {
            sqlx::query(SQL)
                .bind(&ddds)
                .bind(&draws)
                .bind(&none_left)
                .bind(KEPT.as_secs_f64())
                .bind(process)
                .bind(stored(*number))
                .bind(BATCHES_KEPT.as_secs_f64())
        };
        self.connections.rows(statement).await.map(drop)
    }

    async fn draws(&self, within: Duration) -> Result<Vec<DrawCount>, StoreError> {
        const SQL: &str = "
            select hour, ddd, draws, none_left
            from draw_count
            where hour > now() - make_interval(secs => $1)
            order by hour desc, ddd";
        self.connections.all(|| sqlx::query(SQL).bind(within.as_secs_f64()), draw_count).await
    }

    async fn record_audit(&self, brand: &BrandId, differences: u64) -> Result<(), StoreError> {
        const SQL: &str = "
            insert into last_audit (brand_id, finished_at, differences) values ($1, clock_timestamp(), $2)
            on conflict (brand_id) do update set finished_at = excluded.finished_at, differences = excluded.differences";
        let statement = || sqlx::query(SQL).bind(brand.as_str()).bind(stored(differences));
        self.connections.rows(statement).await.map(drop)
    }

    async fn last_audits(&self) -> Result<Vec<LastAudit>, StoreError> {
        self.connections.all(|| sqlx::query(LAST_AUDITS), last_audit).await
    }
}

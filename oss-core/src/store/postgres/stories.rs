//! The calls to Sigan and GSIM, and the stories of numbers and SIMs, on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use uuid::Uuid;

use super::PostgresStore;
use super::connections::{Statement, column};
use crate::domain::{
    AttemptRecord, CodeRead, EventRow, ExternalId, Msisdn, NewCall, Scope, SimId, UpstreamCall,
};
use crate::store::StoreError;
use crate::store::events::event_row;
use crate::store::rows::DataRow;
use crate::store::stories::{
    ATTEMPTS_OF_NUMBER, CALLS_OF_HOLD, CALLS_OF_NUMBER, CALLS_OF_REQUEST, CALLS_OF_SIM, CODE_READS_OF_NUMBER,
    EVENTS_OF_NUMBER, EVENTS_OF_SIM, StoryStore, attempt, code_read_of_sim, duration_ms, ids, texts,
    upstream_call,
};

#[async_trait]
impl StoryStore for PostgresStore {
    async fn record_calls(&self, calls: &[NewCall]) -> Result<(), StoreError> {
        const SQL: &str = "
            insert into upstream_call (id, system, call, external_id, msisdn, sim_id, sent_at, duration_ms, outcome, brand_id,
                                       client, request_id)
            select id, system, call, external_id, msisdn, sim_id, clock_timestamp() - make_interval(secs => age), duration_ms,
                   outcome, brand_id, client, request_id
            from unnest((select $1::uuid[]), (select $2::text[]), (select $3::text[]), (select $4::text[]), (select $5::text[]),
                        (select $6::uuid[]), (select $7::float8[]), (select $8::bigint[]), (select $9::text[]),
                        (select $10::text[]), (select $11::text[]), (select $12::uuid[]))
                     as made (id, system, call, external_id, msisdn, sim_id, age, duration_ms, outcome, brand_id, client, request_id)
            on conflict (id) do nothing";
        // The statement may have to be sent again, and the calls are older then.
        let begun = Instant::now();
        let statement = || {
            let since = begun.elapsed();
            sqlx::query(SQL)
                .bind(column(calls, |call| call.id.as_uuid()))
                .bind(column(calls, |call| call.system))
                .bind(column(calls, |call| call.call))
                .bind(column(calls, |call| texts(call)[0]))
                .bind(column(calls, |call| texts(call)[1]))
                .bind(column(calls, |call| ids(call)[0]))
                .bind(column(calls, |call| (call.age + since).as_secs_f64()))
                .bind(column(calls, duration_ms))
                .bind(column(calls, |call| call.outcome))
                .bind(column(calls, |call| texts(call)[2]))
                .bind(column(calls, |call| texts(call)[3]))
                .bind(column(calls, |call| ids(call)[1]))
        };
        self.connections.rows(statement).await.map(drop)
    }

    async fn purge_calls(&self, retention: Duration, limit: u32) -> Result<u64, StoreError> {
        // A pre-reserve of which a number was reserved gets that number, so that it is looked at once only. If calls about several of its
        // numbers were made, it gets the one whose reserve succeeded.
        const SQL: &str = "
            with old as materialized (
                select id, external_id from upstream_call
                where msisdn is null and sim_id is null and sent_at < now() - make_interval(secs => $1)
                order by sent_at
                limit $2
                for update skip locked
            ), chosen as materialized (
                select old.id, (
                    select c.msisdn
                    from upstream_call c
                    where c.external_id = old.external_id and c.msisdn is not null
                    order by (c.call = 'reserve' and c.outcome = 'ok') desc, c.sent_at desc
                    limit 1
                ) as msisdn
                from old
            ), claimed as (
                update upstream_call c
                set msisdn = chosen.msisdn
                from chosen
                where c.id = chosen.id and chosen.msisdn is not null
            ), purged as (
                delete from upstream_call c using chosen where c.id = chosen.id and chosen.msisdn is null
            )
            select count(*) as old from old";
        let statement = || sqlx::query(SQL).bind(retention.as_secs_f64()).bind(i64::from(limit));
        self.connections.one(statement, |row| row.count("old").map(i64::unsigned_abs)).await
    }

    async fn attempts_of_number(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        limit: u32,
    ) -> Result<Vec<AttemptRecord>, StoreError> {
        let statement = || of_number(ATTEMPTS_OF_NUMBER, scope, msisdn, limit);
        Ok(self.connections.all(statement, attempt).await?.into_iter().flatten().collect())
    }

    async fn calls_of_number(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        limit: u32,
    ) -> Result<Vec<UpstreamCall>, StoreError> {
        self.connections.all(|| of_number(CALLS_OF_NUMBER, scope, msisdn, limit), upstream_call).await
    }

    async fn events_of_number(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError> {
        let events =
            self.connections.all(|| of_number(EVENTS_OF_NUMBER, scope, msisdn, limit), event_row).await?;
        Ok(events.into_iter().flatten().collect())
    }

    async fn code_reads_of_number(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        limit: u32,
    ) -> Result<Vec<(SimId, CodeRead)>, StoreError> {
        let statement = || of_number(CODE_READS_OF_NUMBER, scope, msisdn, limit);
        self.connections.all(statement, code_read_of_sim).await
    }

    async fn calls_of_sim(&self, sim: SimId, limit: u32) -> Result<Vec<UpstreamCall>, StoreError> {
        let statement = || sqlx::query(CALLS_OF_SIM).bind(sim.as_uuid()).bind(i64::from(limit));
        self.connections.all(statement, upstream_call).await
    }

    async fn events_of_sim(&self, sim: SimId, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        let statement = || sqlx::query(EVENTS_OF_SIM).bind(sim.as_uuid()).bind(i64::from(limit));
        Ok(self.connections.all(statement, event_row).await?.into_iter().flatten().collect())
    }

    async fn calls_of_hold(
        &self,
        external_id: &ExternalId,
        limit: u32,
    ) -> Result<Vec<UpstreamCall>, StoreError> {
        let statement = || sqlx::query(CALLS_OF_HOLD).bind(external_id.as_str()).bind(i64::from(limit));
        self.connections.all(statement, upstream_call).await
    }

    async fn calls_of_request(
        &self,
        scope: Scope<'_>,
        request: Uuid,
        limit: u32,
    ) -> Result<Vec<UpstreamCall>, StoreError> {
        let [brand, older] = scope.parameters();
        let statement =
            || sqlx::query(CALLS_OF_REQUEST).bind(request).bind(brand).bind(older).bind(i64::from(limit));
        self.connections.all(statement, upstream_call).await
    }
}

fn of_number<'q>(sql: &'static str, scope: Scope<'q>, msisdn: Msisdn, limit: u32) -> Statement<'q> {
    let [brand, older] = scope.parameters();
    sqlx::query(sql).bind(msisdn.to_string()).bind(brand).bind(older).bind(i64::from(limit))
}

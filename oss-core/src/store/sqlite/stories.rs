//! The calls to Sigan and GSIM, and the stories of numbers and SIMs, on SQLite.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::SqliteStore;
use super::connections::{Micros, Step};
use super::writer::Statement;
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
impl StoryStore for SqliteStore {
    async fn record_calls(&self, calls: &[NewCall]) -> Result<(), StoreError> {
        // The ages are of this moment, and the step may have to wait.
        let (now, calls) = (self.connections.now(), calls.to_vec());
        self.connections.write(move |step| Box::pin(step.record_calls(now, calls))).await
    }

    async fn purge_calls(&self, retention: Duration, limit: u32) -> Result<u64, StoreError> {
        self.connections.write(move |step| Box::pin(step.purge_calls(retention, limit))).await
    }

    async fn attempts_of_number(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        limit: u32,
    ) -> Result<Vec<AttemptRecord>, StoreError> {
        let statement = of_number(ATTEMPTS_OF_NUMBER, scope, &msisdn, limit);
        Ok(self.connections.all(statement, attempt).await?.into_iter().flatten().collect())
    }

    async fn calls_of_number(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        limit: u32,
    ) -> Result<Vec<UpstreamCall>, StoreError> {
        self.connections.all(of_number(CALLS_OF_NUMBER, scope, &msisdn, limit), upstream_call).await
    }

    async fn events_of_number(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError> {
        let events =
            self.connections.all(of_number(EVENTS_OF_NUMBER, scope, &msisdn, limit), event_row).await?;
        Ok(events.into_iter().flatten().collect())
    }

    async fn code_reads_of_number(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        limit: u32,
    ) -> Result<Vec<(SimId, CodeRead)>, StoreError> {
        let statement = of_number(CODE_READS_OF_NUMBER, scope, &msisdn, limit);
        self.connections.all(statement, code_read_of_sim).await
    }

    async fn calls_of_sim(&self, sim: SimId, limit: u32) -> Result<Vec<UpstreamCall>, StoreError> {
        let statement = sqlx::query(CALLS_OF_SIM).bind(sim.as_uuid()).bind(i64::from(limit));
        self.connections.all(statement, upstream_call).await
    }

    async fn events_of_sim(&self, sim: SimId, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        let statement = sqlx::query(EVENTS_OF_SIM).bind(sim.as_uuid()).bind(i64::from(limit));
        Ok(self.connections.all(statement, event_row).await?.into_iter().flatten().collect())
    }

    async fn calls_of_hold(
        &self,
        external_id: &ExternalId,
        limit: u32,
    ) -> Result<Vec<UpstreamCall>, StoreError> {
        let statement = sqlx::query(CALLS_OF_HOLD).bind(external_id.as_str()).bind(i64::from(limit));
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
            sqlx::query(CALLS_OF_REQUEST).bind(request).bind(brand).bind(older).bind(i64::from(limit));
        self.connections.all(statement, upstream_call).await
    }
}

fn of_number<'q>(sql: &'static str, scope: Scope<'q>, msisdn: &'q Msisdn, limit: u32) -> Statement<'q> {
    let [brand, older] = scope.parameters();
    sqlx::query(sql).bind(msisdn.as_str()).bind(brand).bind(older).bind(i64::from(limit))
}

impl Step<'_> {
    async fn record_calls(mut self, now: Micros, calls: Vec<NewCall>) -> Result<(), sqlx::Error> {
        const SQL: &str = "
            insert into upstream_call (id, system, call, external_id, msisdn, sim_id, sent_at, duration_ms, outcome, brand_id,
                                       client, request_id)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            on conflict (id) do nothing";
        for call in &calls {
            let ([external_id, msisdn, brand, client], [sim, request]) = (texts(call), ids(call));
            let statement = sqlx::query(SQL)
                .bind(call.id.as_uuid())
                .bind(call.system)
                .bind(call.call)
                .bind(external_id)
                .bind(msisdn)
                .bind(sim)
                .bind(now.before(call.age))
                .bind(duration_ms(call))
                .bind(call.outcome)
                .bind(brand)
                .bind(client)
                .bind(request);
            self.run(statement).await?;
        }
        Ok(())
    }

    async fn purge_calls(mut self, retention: Duration, limit: u32) -> Result<u64, sqlx::Error> {
        // A pre-reserve of which a number was reserved gets that number, so that it is looked at once only. If calls about several of its
        // numbers were made, it gets the one whose reserve succeeded.
        const OLD: &str = "
            select id, (
                select c.msisdn
                from upstream_call c
                where c.external_id = old.external_id and c.msisdn is not null
                order by (c.call = 'reserve' and c.outcome = 'ok') desc, c.sent_at desc
                limit 1
            ) as msisdn
            from upstream_call old
            where msisdn is null and sim_id is null and sent_at < $1
            order by sent_at
            limit $2";
        const CLAIMED: &str = "update upstream_call set msisdn = $2 where id = $1";
        const PURGED: &str = "delete from upstream_call where id = $1";
        let statement = sqlx::query(OLD).bind(self.now.before(retention)).bind(i64::from(limit));
        let read = |row: &_| {
            Ok((DataRow::id::<Uuid>(row, "id")?, DataRow::maybe_text(row, "msisdn")?.map(str::to_owned)))
        };
        let old = self.all(statement, read).await?;
        for (id, msisdn) in &old {
            let statement = match msisdn {
                Some(msisdn) => sqlx::query(CLAIMED).bind(id).bind(msisdn),
                None => sqlx::query(PURGED).bind(id),
            };
            self.run(statement).await?;
        }
        Ok(u64::try_from(old.len()).unwrap_or(u64::MAX))
    }
}

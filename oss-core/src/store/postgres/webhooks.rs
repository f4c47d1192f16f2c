//! Webhooks on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::PostgresStore;
use super::events::horizon;
use crate::domain::{ClientName, EventCursor, WebhookStatus};
use crate::store::StoreError;
use crate::store::webhooks::{WebhookStore, WebhookTurn, status, turn};

#[async_trait]
impl WebhookStore for PostgresStore {
    async fn take_webhook(
        &self,
        name: &ClientName,
        server: Uuid,
        lease: Duration,
    ) -> Result<Option<WebhookTurn>, StoreError> {
        const SQL: &str = concat!(
            "
            with latest as (
                select transaction_id, position from event
                where transaction_id < ",
            horizon!(),
            "
                order by transaction_id desc, position desc
                limit 1
            )
            insert into webhook as w (name, transaction_id, position, lease_id, leased_until)
            select $1, coalesce((select transaction_id from latest), 0), coalesce((select position from latest), 0), $2,
                   clock_timestamp() + make_interval(secs => $3)
            on conflict (name) do update
            set lease_id = excluded.lease_id, leased_until = clock_timestamp() + make_interval(secs => $3)
            where w.next_attempt_at <= clock_timestamp()
              and (w.lease_id is null or w.lease_id = excluded.lease_id or w.leased_until <= clock_timestamp())
            returning w.transaction_id, w.position, w.attempts, clock_timestamp() as now"
        );
        let statement = || sqlx::query(SQL).bind(name.as_str()).bind(server).bind(lease.as_secs_f64());
        self.connections.maybe(statement, turn).await
    }

    async fn advance_webhook(
        &self,
        name: &ClientName,
        server: Uuid,
        to: EventCursor,
        delivered: bool,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            update webhook
            set transaction_id = $3, position = $4, leased_until = clock_timestamp() + make_interval(secs => $6),
                attempts = case when $5 then 0 else attempts end, last_error = case when $5 then null else last_error end,
                delivered_at = case when $5 then clock_timestamp() else delivered_at end
            where name = $1 and lease_id = $2
            returning name";
        let statement = || {
            sqlx::query(SQL)
                .bind(name.as_str())
                .bind(server)
                .bind(to.transaction)
                .bind(to.position)
                .bind(delivered)
                .bind(lease.as_secs_f64())
        };
        Ok(!self.connections.rows(statement).await?.is_empty())
    }

    async fn record_failed_webhook(
        &self,
        name: &ClientName,
        server: Uuid,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            update webhook
            set attempts = attempts + 1, last_error = $3, lease_id = null, leased_until = null,
                next_attempt_at = clock_timestamp() + make_interval(secs => $4)
            where name = $1 and lease_id = $2";
        let statement =
            || sqlx::query(SQL).bind(name.as_str()).bind(server).bind(reason).bind(retry_in.as_secs_f64());
        self.connections.rows(statement).await.map(drop)
    }

    async fn leave_webhook(&self, name: &ClientName, server: Uuid) -> Result<(), StoreError> {
        const SQL: &str =
            "update webhook set lease_id = null, leased_until = null where name = $1 and lease_id = $2";
        self.connections.rows(|| sqlx::query(SQL).bind(name.as_str()).bind(server)).await.map(drop)
    }

    async fn webhooks(&self) -> Result<Vec<WebhookStatus>, StoreError> {
        const SQL: &str = "
            select w.name, w.transaction_id, w.position, w.attempts, w.last_error, w.delivered_at,
                   case when w.attempts > 0 then w.next_attempt_at end as retry_at,
                   coalesce(greatest(extract(epoch from clock_timestamp() - waiting.recorded_at), 0), 0)::bigint as lag
            from webhook w
            left join lateral (
                select e.recorded_at from event e
                where (e.transaction_id, e.position) > (w.transaction_id, w.position)
                order by e.transaction_id, e.position
                limit 1
            ) waiting on true
            order by w.name";
        self.connections.all(|| sqlx::query(SQL), status).await
    }

    async fn replay_webhook(&self, name: &ClientName, from: EventCursor) -> Result<bool, StoreError> {
        const SQL: &str = "
            update webhook
            set transaction_id = $2, position = $3, lease_id = null, leased_until = null, attempts = 0, last_error = null,
                next_attempt_at = clock_timestamp()
            where name = $1
            returning name";
        let statement = || sqlx::query(SQL).bind(name.as_str()).bind(from.transaction).bind(from.position);
        Ok(!self.connections.rows(statement).await?.is_empty())
    }
}

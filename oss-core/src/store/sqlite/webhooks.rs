//! Webhooks on SQLite.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::SqliteStore;
use crate::domain::{ClientName, EventCursor, WebhookStatus};
use crate::store::StoreError;
use crate::store::webhooks::{WebhookStore, WebhookTurn, status, turn};

#[async_trait]
impl WebhookStore for SqliteStore {
    async fn take_webhook(
        &self,
        name: &ClientName,
        server: Uuid,
        lease: Duration,
    ) -> Result<Option<WebhookTurn>, StoreError> {
        const SQL: &str = "
            insert into webhook (name, transaction_id, position, lease_id, leased_until, next_attempt_at)
            select $1, 0, coalesce((select max(position) from event), 0), $2, $3, $4
            where true
            on conflict (name) do update
            set lease_id = $2, leased_until = $3
            where webhook.next_attempt_at <= $4
              and (webhook.lease_id is null or webhook.lease_id = $2 or webhook.leased_until <= $4)
            returning transaction_id, position, attempts, $4 as now";
        let name = name.clone();
        self.connections
            .write(move |mut step| {
                Box::pin(async move {
                    let (now, until) = (step.now.0, step.now.after(lease));
                    let statement = sqlx::query(SQL).bind(name.as_str()).bind(server).bind(until).bind(now);
                    step.maybe(statement, turn).await
                })
            })
            .await
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
            set position = $3, leased_until = $5, attempts = case when $4 then 0 else attempts end,
                last_error = case when $4 then null else last_error end,
                delivered_at = case when $4 then $6 else delivered_at end
            where name = $1 and lease_id = $2";
        let name = name.clone();
        self.connections
            .write(move |mut step| {
                Box::pin(async move {
                    let statement = sqlx::query(SQL)
                        .bind(name.as_str())
                        .bind(server)
                        .bind(to.position)
                        .bind(delivered)
                        .bind(step.now.after(lease))
                        .bind(step.now.0);
                    Ok(step.run(statement).await? > 0)
                })
            })
            .await
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
            set attempts = attempts + 1, last_error = $3, lease_id = null, leased_until = null, next_attempt_at = $4
            where name = $1 and lease_id = $2";
        let (name, reason) = (name.clone(), reason.to_owned());
        self.connections
            .write(move |mut step| {
                Box::pin(async move {
                    let statement = sqlx::query(SQL).bind(name.as_str()).bind(server).bind(reason);
                    let retry_at = step.now.after(retry_in);
                    step.run(statement.bind(retry_at)).await.map(drop)
                })
            })
            .await
    }

    async fn leave_webhook(&self, name: &ClientName, server: Uuid) -> Result<(), StoreError> {
        const SQL: &str =
            "update webhook set lease_id = null, leased_until = null where name = $1 and lease_id = $2";
        let name = name.clone();
        self.connections
            .write(move |mut step| {
                Box::pin(async move {
                    step.run(sqlx::query(SQL).bind(name.as_str()).bind(server)).await.map(drop)
                })
            })
            .await
    }

    async fn webhooks(&self) -> Result<Vec<WebhookStatus>, StoreError> {
        const SQL: &str = "
            select w.name, w.transaction_id, w.position, w.attempts, w.last_error, w.delivered_at,
                   case when w.attempts > 0 then w.next_attempt_at end as retry_at,
                   coalesce(max(0, $1 - (
                       select recorded_at from event e where e.position > w.position order by e.position limit 1
                   )), 0) / 1000000 as lag
            from webhook w
            order by w.name";
        self.connections.all(sqlx::query(SQL).bind(self.connections.now().0), status).await
    }

    async fn replay_webhook(&self, name: &ClientName, from: EventCursor) -> Result<bool, StoreError> {
        const SQL: &str = "
            update webhook
            set position = $2, lease_id = null, leased_until = null, attempts = 0, last_error = null, next_attempt_at = $3
            where name = $1";
        let name = name.clone();
        self.connections
            .write(move |mut step| {
                Box::pin(async move {
                    let statement = sqlx::query(SQL).bind(name.as_str()).bind(from.position).bind(step.now.0);
                    Ok(step.run(statement).await? > 0)
                })
            })
            .await
    }
}

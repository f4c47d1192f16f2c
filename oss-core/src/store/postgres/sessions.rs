//! The sessions of operators on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;

use super::PostgresStore;
use crate::domain::{BrandId, OperatorSession};
use crate::store::StoreError;
use crate::store::sessions::{SessionStore, session};

#[async_trait]
impl SessionStore for PostgresStore {
    async fn open_session(
        &self,
        token: &str,
        session: &OperatorSession,
        lasts: Duration,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            with over as (delete from operator_session where expires_at <= clock_timestamp())
            insert into operator_session (token_digest, client, key_digest, brand_id, expires_at)
            values ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))
            on conflict (token_digest) do nothing";
        let OperatorSession { client, key, brand } = session;
        let statement = || {
            let statement = sqlx::query(SQL).bind(token).bind(client.as_str()).bind(key.as_str());
            statement.bind(brand.as_str()).bind(lasts.as_secs_f64())
        };
        self.connections.rows(statement).await.map(drop)
    }

    async fn session(&self, token: &str) -> Result<Option<OperatorSession>, StoreError> {
        const SQL: &str = "
            select client, key_digest, brand_id from operator_session
            where token_digest = $1::char(64) and expires_at > clock_timestamp()";
        self.connections.maybe(|| sqlx::query(SQL).bind(token), session).await
    }

    async fn select_session_brand(&self, token: &str, brand: &BrandId) -> Result<(), StoreError> {
        const SQL: &str = "update operator_session set brand_id = $2 where token_digest = $1::char(64)";
        self.connections.rows(|| sqlx::query(SQL).bind(token).bind(brand.as_str())).await.map(drop)
    }

    async fn end_session(&self, token: &str) -> Result<(), StoreError> {
        const SQL: &str = "delete from operator_session where token_digest = $1::char(64)";
        self.connections.rows(|| sqlx::query(SQL).bind(token)).await.map(drop)
    }
}

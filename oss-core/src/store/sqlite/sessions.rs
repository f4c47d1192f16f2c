//! The sessions of operators on SQLite.

use std::time::Duration;

use async_trait::async_trait;

use super::SqliteStore;
use crate::domain::{BrandId, OperatorSession};
use crate::store::StoreError;
use crate::store::sessions::{SessionStore, session};

#[async_trait]
impl SessionStore for SqliteStore {
    async fn open_session(
        &self,
        token: &str,
        session: &OperatorSession,
        lasts: Duration,
    ) -> Result<(), StoreError> {
        const FORGET: &str = "delete from operator_session where expires_at <= $1";
        const OPEN: &str = "
            insert into operator_session (token_digest, client, key_digest, brand_id, expires_at)
            values ($1, $2, $3, $4, $5)
            on conflict (token_digest) do nothing";
        let (token, session) = (token.to_owned(), session.clone());
        self.connections
            .write(move |mut step| {
                Box::pin(async move {
                    let OperatorSession { client, key, brand } = &session;
                    let (now, until) = (step.now.0, step.now.after(lasts));
                    step.run(sqlx::query(FORGET).bind(now)).await?;
                    let statement = sqlx::query(OPEN).bind(&token).bind(client.as_str()).bind(key);
                    step.run(statement.bind(brand.as_str()).bind(until)).await.map(drop)
                })
            })
            .await
    }

    async fn session(&self, token: &str) -> Result<Option<OperatorSession>, StoreError> {
        const SQL: &str = "
            select client, key_digest, brand_id from operator_session where token_digest = $1 and expires_at > $2";
        let statement = sqlx::query(SQL).bind(token).bind(self.connections.now().0);
        self.connections.maybe(statement, session).await
    }

    async fn select_session_brand(&self, token: &str, brand: &BrandId) -> Result<(), StoreError> {
        const SQL: &str = "update operator_session set brand_id = $2 where token_digest = $1";
        let (token, brand) = (token.to_owned(), brand.clone());
        self.connections
            .write(move |mut step| {
                Box::pin(async move {
                    step.run(sqlx::query(SQL).bind(&token).bind(brand.as_str())).await.map(drop)
                })
            })
            .await
    }

    async fn end_session(&self, token: &str) -> Result<(), StoreError> {
        const SQL: &str = "delete from operator_session where token_digest = $1";
        let token = token.to_owned();
        self.connections
            .write(move |mut step| {
                Box::pin(async move { step.run(sqlx::query(SQL).bind(&token)).await.map(drop) })
            })
            .await
    }
}

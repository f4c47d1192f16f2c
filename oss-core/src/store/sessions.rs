//! The sessions of operators.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use super::rows::DataRow;
use crate::domain::{BrandId, OperatorSession};

/// The steps of operators' sessions. A session is found by the digest of its token, and only until it expires.
#[async_trait]
pub trait SessionStore {
    /// Opens a session that lasts so long, and forgets those that are over.
    async fn open_session(
        &self,
        token: &str,
        session: &OperatorSession,
        lasts: Duration,
    ) -> Result<(), StoreError>;

    /// The session with a token.
    async fn session(&self, token: &str) -> Result<Option<OperatorSession>, StoreError>;

    /// Changes the brand that a session acts for.
    async fn select_session_brand(&self, token: &str, brand: &BrandId) -> Result<(), StoreError>;

    /// Ends a session.
    async fn end_session(&self, token: &str) -> Result<(), StoreError>;
}

/// Reads a session.
pub(super) fn session(row: &impl DataRow) -> Result<OperatorSession, sqlx::Error> {
    Ok(OperatorSession {
        client: row.parsed("client")?,
        key: row.text("key_digest")?.to_owned(),
        brand: row.parsed("brand_id")?,
    })
}

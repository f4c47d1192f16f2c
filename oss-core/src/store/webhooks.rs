//! The webhooks: how far each is, and which server delivers.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::StoreError;
use super::events::cursor;
use super::rows::DataRow;
use crate::domain::{ClientName, EventCursor, WebhookStatus};

/// The turn of a server to deliver to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookTurn {
    /// The last event that was delivered or passed over.
    pub cursor: EventCursor,
    /// The failures in a row.
    pub attempts: i32,
    /// The time now.
    pub now: DateTime<Utc>,
}

/// The steps of webhooks.
#[async_trait]
pub trait WebhookStore {
    /// Takes the turn to deliver to a webhook, or keeps it, for the time `lease`. Returns none if another server has it, or if the next
    /// attempt is not due. A new webhook begins after the last event.
    async fn take_webhook(
        &self,
        name: &ClientName,
        server: Uuid,
        lease: Duration,
    ) -> Result<Option<WebhookTurn>, StoreError>;

    /// Records that everything up to a place was delivered, and keeps the turn. `delivered` says whether something was delivered. Returns
    /// false, and records nothing, if the server does not have the turn any more.
    async fn advance_webhook(
        &self,
        name: &ClientName,
        server: Uuid,
        to: EventCursor,
        delivered: bool,
        lease: Duration,
    ) -> Result<bool, StoreError>;

    /// Records a failed delivery, and ends the turn. Any server may try again after `retry_in`.
    async fn record_failed_webhook(
        &self,
        name: &ClientName,
        server: Uuid,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError>;

    /// Ends the turn of a server.
    async fn leave_webhook(&self, name: &ClientName, server: Uuid) -> Result<(), StoreError>;

    /// Every webhook that was ever delivered to, by name.
    async fn webhooks(&self) -> Result<Vec<WebhookStatus>, StoreError>;

    /// Puts a webhook back, or forward, to a place, and ends the turn of any server. The next attempt is due now. Returns false if there
    /// is no such webhook.
    async fn replay_webhook(&self, name: &ClientName, from: EventCursor) -> Result<bool, StoreError>;
}

/// Reads a turn.
pub(super) fn turn(row: &impl DataRow) -> Result<WebhookTurn, sqlx::Error> {
    Ok(WebhookTurn { cursor: cursor(row)?, attempts: row.attempts("attempts")?, now: row.time("now")? })
}

/// Reads a webhook.
pub(super) fn status(row: &impl DataRow) -> Result<WebhookStatus, sqlx::Error> {
    Ok(WebhookStatus {
        name: row.text("name")?.to_owned(),
        cursor: cursor(row)?,
        lag_seconds: row.count("lag")?.unsigned_abs(),
        attempts: row.attempts("attempts")?,
        next_attempt_at: row.maybe_time("retry_at")?,
        last_error: row.maybe_text("last_error")?.map(str::to_owned),
        delivered_at: row.maybe_time("delivered_at")?,
    })
}

//! Previews on SQLite.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SqliteStore;
use super::connections::Step;
use crate::domain::{IdempotencyKey, KeyedPreview, Msisdn, NewPreview, PreviewId, PreviousPreview, Scope};
use crate::store::StoreError;
use crate::store::previews::{KEYED, PREVIOUS, PreviewStore, keyed_preview, previous_preview};
use crate::store::rows::{DataRow, to_json};

#[async_trait]
impl PreviewStore for SqliteStore {
    async fn previous_preview(
        &self,
        scope: Scope<'_>,
        id: PreviewId,
    ) -> Result<Option<PreviousPreview>, StoreError> {
        let [brand, older] = scope.parameters();
        self.connections
            .maybe(sqlx::query(PREVIOUS).bind(id.as_uuid()).bind(brand).bind(older), previous_preview)
            .await
    }

    async fn keyed_preview(
        &self,
        scope: Scope<'_>,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyedPreview>, StoreError> {
        let [brand, older] = scope.parameters();
        let statement =
            sqlx::query(KEYED).bind(key.client().as_str()).bind(key.text()).bind(brand).bind(older);
        self.connections.read(statement, keyed_preview).await
    }

    async fn create_preview(&self, preview: &NewPreview) -> Result<Option<DateTime<Utc>>, StoreError> {
        let preview = preview.clone();
        self.connections.write(|step| Box::pin(step.create_preview(preview))).await
    }

    async fn were_returned(&self, msisdns: &[Msisdn], within: Duration) -> Result<bool, StoreError> {
        const SQL: &str = "
            select exists (
                select 1 from phone_number
                where msisdn in (select value from json_each($1)) and status = 'RETURNED' and updated_at > $2
            ) as returned";
        let numbers = to_json(&msisdns).map_err(|error| self.connections.store_error(&error))?;
        let statement = sqlx::query(SQL).bind(numbers).bind(self.connections.now().before(within));
        self.connections.one(statement, |row| row.flag("returned")).await
    }

    async fn purge_previews(&self, retention: Duration, limit: u32) -> Result<u64, StoreError> {
        // A number of older data may have no reservation. Then only its preview has Sigan's id of the hold.
        const SQL: &str = "
            delete from preview
            where id in (
                select p.id
                from preview p
                where p.expires_at < $1
                  and not exists (
                      select 1 from reservation r
                      where r.preview_id = p.id
                        and r.state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING')
                  )
                  and not exists (
                      select 1 from phone_number n
                      where n.msisdn = p.reserved_msisdn and n.status <> 'RETURNED'
                        and not exists (
                            select 1 from reservation r where r.msisdn = n.msisdn and r.external_id = p.external_id
                        )
                  )
                order by p.expires_at
                limit $2
            )";
        self.connections
            .write(move |mut step| {
                Box::pin(async move {
                    step.run(sqlx::query(SQL).bind(step.now.before(retention)).bind(i64::from(limit))).await
                })
            })
            .await
    }
}

impl Step<'_> {
    async fn create_preview(mut self, preview: NewPreview) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
        const PREVIEW: &str = "
            insert into preview (id, external_id, brand_id, created_at, expires_at, previous_id, client, idempotency_key)
            values ($1, $2, $3, $4, $5, $6, $7, $8)
            on conflict do nothing";
        const STORED: &str = "select expires_at from preview where id = $1";
        const NUMBERS: &str = r#"
            insert into preview_number (preview_id, msisdn, "index")
            select $1, value, key + 1 from json_each($2)"#;
        const REPLACED: &str = "update preview set expires_at = min(expires_at, $2) where id = $1";

        let now = self.now;
        let statement = sqlx::query(PREVIEW)
            .bind(preview.id.as_uuid())
            .bind(preview.external_id.as_str())
            .bind(preview.brand.as_str())
            .bind(now.0)
            .bind(now.after(preview.valid_for))
            .bind(preview.previous.map(PreviewId::as_uuid))
            .bind(preview.key.as_ref().map(|key| key.client().as_str()))
            .bind(preview.key.as_ref().map(IdempotencyKey::text));
        let is_new = self.run(statement).await? > 0;
        // If it is not new, either this step stored it before, or another preview has its key.
        let stored = sqlx::query(STORED).bind(preview.id.as_uuid());
        let expires_at = self.maybe(stored, |row| row.time("expires_at")).await?;
        if !is_new {
            return Ok(expires_at);
        }
        let msisdns = to_json(&preview.msisdns)?;
        self.run(sqlx::query(NUMBERS).bind(preview.id.as_uuid()).bind(msisdns)).await?;
        if let Some(previous) = preview.previous {
            self.run(sqlx::query(REPLACED).bind(previous.as_uuid()).bind(now.0)).await?;
        }
        Ok(expires_at)
    }
}

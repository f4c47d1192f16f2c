//! Previews on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;

use super::PostgresStore;
use crate::domain::{IdempotencyKey, KeyedPreview, NewPreview, PreviewId, PreviousPreview, Scope};
use crate::store::StoreError;
use crate::store::previews::{KEYED, PREVIOUS, PreviewStore, keyed_preview, previous_preview};
use crate::store::rows::DataRow;

#[async_trait]
impl PreviewStore for PostgresStore {
    async fn previous_preview(
        &self,
        scope: Scope<'_>,
        id: PreviewId,
    ) -> Result<Option<PreviousPreview>, StoreError> {
        let [brand, older] = scope.parameters();
        let statement = || sqlx::query(PREVIOUS).bind(id.as_uuid()).bind(brand).bind(older);
        self.connections.maybe(statement, previous_preview).await
    }

    async fn keyed_preview(
        &self,
        scope: Scope<'_>,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyedPreview>, StoreError> {
        let [brand, older] = scope.parameters();
        let (client, text) = (key.client().as_str(), key.text());
        let statement = || sqlx::query(KEYED).bind(client).bind(text).bind(brand).bind(older);
        self.connections.read(statement, keyed_preview).await
    }

    async fn create_preview(&self, preview: &NewPreview) -> Result<bool, StoreError> {
        // A repeated statement finds its preview and inserts nothing.
        const SQL: &str = "
            with created as (
                insert into preview (id, external_id, brand_id, expires_at, previous_id, client, idempotency_key)
                values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4), $5, $7, $8)
                on conflict do nothing
                returning id
            ), replaced as (
                update preview p
                set expires_at = least(p.expires_at, clock_timestamp())
                from created
                where p.id = $5
            ), offered as (
                insert into preview_number (preview_id, msisdn, index)
                select created.id, offered.msisdn, offered.index
                from created, unnest($6::text[]) with ordinality as offered (msisdn, index)
            )
            select exists (select from created) or exists (select from preview where id = $1) as stored";
        let msisdns: Vec<String> = preview.msisdns.iter().map(ToString::to_string).collect();
        let statement = || {
            sqlx::query(SQL)
                .bind(preview.id.as_uuid())
                .bind(preview.external_id.as_str())
                .bind(preview.brand.as_str())
                .bind(preview.valid_for.as_secs_f64())
                .bind(preview.previous.map(PreviewId::as_uuid))
                .bind(msisdns.clone())
                .bind(preview.key.as_ref().map(|key| key.client().as_str()))
                .bind(preview.key.as_ref().map(IdempotencyKey::text))
        };
        self.connections.one(statement, |row| row.flag("stored")).await
    }

    async fn purge_previews(&self, retention: Duration, limit: u32) -> Result<u64, StoreError> {
        // A number of older data may have no reservation. Then only its preview has Sigan's id of the hold. The statement deletes
        // the numbers too, because the existing database has no cascade.
        const SQL: &str = "
            with old as materialized (
                select p.id
                from preview p
                where p.expires_at < now() - make_interval(secs => $1)
                  and not exists (
                      select from reservation r
                      where r.preview_id = p.id
                        and r.state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING')
                  )
                  and not exists (
                      select from phone_number n
                      where n.msisdn = p.reserved_msisdn and n.status <> 'RETURNED'
                        and not exists (
                            select from reservation r where r.msisdn = n.msisdn and r.external_id = p.external_id
                        )
                  )
                order by p.expires_at
                limit $2
                for update of p skip locked
            ), numbers as (
                delete from preview_number n using old where n.preview_id = old.id
            ), purged as (
                delete from preview p using old where p.id = old.id returning true
            )
            select count(*) as purged from purged";
        let statement = || sqlx::query(SQL).bind(retention.as_secs_f64()).bind(i64::from(limit));
        self.connections.one(statement, |row| row.count("purged").map(i64::unsigned_abs)).await
    }
}

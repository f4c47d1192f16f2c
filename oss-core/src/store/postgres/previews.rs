//! Previews on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::PostgresStore;
use super::connections::{Connections, column};
use crate::domain::{IdempotencyKey, KeyedPreview, Msisdn, NewPreview, PreviewId, PreviousPreview, Scope};
use crate::store::StoreError;
use crate::store::batch::{Answers, Key, Member};
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

    async fn create_preview(&self, preview: &NewPreview) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.batches.previews.execute(preview.clone()).await
    }

    async fn were_returned(&self, msisdns: &[Msisdn], within: Duration) -> Result<bool, StoreError> {
        const SQL: &str = "
            select exists (
                select from phone_number
                where msisdn = any($1::char(11)[]) and status = 'RETURNED'
                  and updated_at > clock_timestamp() - make_interval(secs => $2)
            ) as returned";
        let numbers: Vec<String> = msisdns.iter().map(Msisdn::to_string).collect();
        let statement = || sqlx::query(SQL).bind(&numbers).bind(within.as_secs_f64());
        self.connections.one(statement, |row| row.flag("returned")).await
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

impl Member for NewPreview {
    type Engine = Connections;
    type Answer = Option<DateTime<Utc>>;

    fn keys(&self) -> Vec<Key> {
        let previews = [Some(self.id), self.previous].into_iter().flatten().map(Key::of);
        previews.chain(self.key.as_ref().map(Key::of)).collect()
    }

    async fn run(connections: &Connections, previews: &[Self]) -> Answers<Self::Answer> {
        // A repeated statement finds its previews and inserts nothing. Rows are locked in the order of their keys.
        const SQL: &str = "
            with member as (
                select *
                from unnest((select $1::uuid[]), (select $2::text[]), (select $3::text[]), (select $4::float8[]),
                            (select $5::uuid[]), (select $6::text[]), (select $7::text[]))
                     with ordinality as m (id, external_id, brand_id, valid_for, previous_id, client, idempotency_key, nr)
            ), replaceable as materialized (
                select p.id
                from preview p
                join member on member.previous_id = p.id
                order by p.id
                for update of p
            ), created as (
                insert into preview (id, external_id, brand_id, expires_at, previous_id, client, idempotency_key)
                select id, external_id, brand_id, clock_timestamp() + make_interval(secs => valid_for), previous_id, client,
                       idempotency_key
                from member
                where (select count(*) from replaceable) >= 0
                order by client, idempotency_key, id
                on conflict do nothing
                returning id, previous_id, expires_at
            ), replaced as (
                update preview p
                set expires_at = least(p.expires_at, clock_timestamp())
                from created
                where p.id = created.previous_id
            ), offered as (
                insert into preview_number (preview_id, msisdn, index)
                select created.id, offered.msisdn, offered.index
                from unnest((select $8::uuid[]), (select $9::text[]), (select $10::int2[]))
                         as offered (preview_id, msisdn, index)
                join created on created.id = offered.preview_id
            )
            select nr, coalesce(created.expires_at, preview.expires_at) as expires_at
            from member
            left join created on created.id = member.id
            left join preview on preview.id = member.id";
        let numbers = |preview: &Self| {
            (1_i16..)
                .zip(preview.msisdns.clone())
                .map(|(index, msisdn)| (preview.id.as_uuid(), msisdn.to_string(), index))
                .collect::<Vec<_>>()
        };
        let statement = || {
            let (offering, msisdns, indexes): (Vec<_>, Vec<_>, Vec<_>) =
                previews.iter().flat_map(numbers).collect();
            sqlx::query(SQL)
                .bind(column(previews, |preview| preview.id.as_uuid()))
                .bind(column(previews, |preview| preview.external_id.as_str()))
                .bind(column(previews, |preview| preview.brand.as_str()))
                .bind(column(previews, |preview| preview.valid_for.as_secs_f64()))
                .bind(column(previews, |preview| preview.previous.map(PreviewId::as_uuid)))
                .bind(column(previews, |preview| preview.key.as_ref().map(|key| key.client().as_str())))
                .bind(column(previews, |preview| preview.key.as_ref().map(IdempotencyKey::text)))
                .bind(offering)
                .bind(msisdns)
                .bind(indexes)
        };
        connections.each_one(previews.len(), statement, |_, row| row.maybe_time("expires_at")).await
    }
}

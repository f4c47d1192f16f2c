//! Previews: stored whole in one statement.

use std::time::Duration;

use sqlx::Row;
use uuid::Uuid;

use super::connections::{Connections, store_error};
use crate::domain::{IdempotencyKey, PreviewId};
use crate::store::live::live;
use crate::store::rows::parsed;
use crate::store::{KeyedPreview, NewPreview, PreviousPreview, StoreError, Tenant};

pub(super) async fn previous(
    connections: &Connections,
    tenant: Option<&Tenant>,
    id: PreviewId,
) -> Result<Option<PreviousPreview>, StoreError> {
    const SQL: &str = concat!(
        "
        select p.external_id,
               exists (
                   select from reservation r
                   where r.preview_id = p.id and ",
        live!("r.state"),
        "
               ) or exists (
                   select from phone_number n
                   where n.msisdn = p.reserved_msisdn and n.status <> 'RETURNED'
                     and not exists (select from reservation r where r.preview_id = p.id)
               ) as in_use
        from preview p
        where p.id = $1 and ($2::text is null or p.brand_id in ($2, $3))"
    );
    let [brand, older] = Tenant::parameters(tenant);
    let statement = || sqlx::query(SQL).bind(id.as_uuid()).bind(brand).bind(older);
    let Some(row) = connections.maybe(statement).await? else { return Ok(None) };
    let read =
        || Ok(PreviousPreview { external_id: parsed(&row, "external_id")?, in_use: row.try_get("in_use")? });
    read().map(Some).map_err(|error: sqlx::Error| store_error(&error))
}

pub(super) async fn keyed(
    connections: &Connections,
    tenant: Option<&Tenant>,
    key: &IdempotencyKey,
) -> Result<Option<KeyedPreview>, StoreError> {
    const SQL: &str = "
        select p.id, p.previous_id, n.msisdn, $3::text is null or p.brand_id in ($3, $4) as own
        from preview p
        join preview_number n on n.preview_id = p.id
        where p.client = $1 and p.idempotency_key = $2
        order by n.index";
    let [brand, older] = Tenant::parameters(tenant);
    let statement = || sqlx::query(SQL).bind(key.client().as_str()).bind(key.text()).bind(brand).bind(older);
    let rows = connections.all(statement).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let read = || {
        Ok(KeyedPreview {
            id: first.try_get::<Uuid, _>("id")?.into(),
            msisdns: rows.iter().map(|row| parsed(row, "msisdn")).collect::<Result<_, _>>()?,
            previous: first.try_get::<Option<Uuid>, _>("previous_id")?.map(PreviewId::from),
            own: first.try_get("own")?,
        })
    };
    read().map(Some).map_err(|error: sqlx::Error| store_error(&error))
}

pub(super) async fn create(connections: &Connections, preview: &NewPreview) -> Result<bool, StoreError> {
    // A repeated statement finds the preview there and inserts nothing.
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
    connections.one(statement).await?.try_get("stored").map_err(|error| store_error(&error))
}

pub(super) async fn purge(
    connections: &Connections,
    retention: Duration,
    limit: u32,
) -> Result<u64, StoreError> {
    // A number of older data may have no reservation. Then its preview alone knows Sigan's id of its hold. The numbers are
    // deleted here, because the existing database has no cascade.
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
        select count(*) from purged";
    let statement = || sqlx::query(SQL).bind(retention.as_secs_f64()).bind(i64::from(limit));
    let count: i64 = connections.one(statement).await?.try_get(0).map_err(|error| store_error(&error))?;
    Ok(count.unsigned_abs())
}

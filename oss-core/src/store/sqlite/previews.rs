//! Previews: stored whole or not at all.

use std::time::Duration;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::connections::Micros;
use crate::domain::{IdempotencyKey, PreviewId};
use crate::store::live::live;
use crate::store::rows::{parsed, to_json};
use crate::store::{KeyedPreview, NewPreview, PreviousPreview, Tenant};

pub(super) async fn previous(
    connection: &mut SqliteConnection,
    tenant: Option<Tenant>,
    id: PreviewId,
) -> Result<Option<PreviousPreview>, sqlx::Error> {
    const SQL: &str = concat!(
        "
        select p.external_id,
               exists (
                   select 1 from reservation r
                   where r.preview_id = p.id and ",
        live!("r.state"),
        "
               ) or exists (
                   select 1 from phone_number n
                   where n.msisdn = p.reserved_msisdn and n.status <> 'RETURNED'
                     and not exists (select 1 from reservation r where r.preview_id = p.id)
               ) as in_use
        from preview p
        where p.id = $1 and ($2 is null or p.brand_id in ($2, $3))"
    );
    let [brand, older] = Tenant::parameters(tenant.as_ref());
    let row = sqlx::query(SQL).bind(id.as_uuid()).bind(brand).bind(older).fetch_optional(connection).await?;
    row.map(|row| {
        Ok(PreviousPreview { external_id: parsed(&row, "external_id")?, in_use: row.try_get("in_use")? })
    })
    .transpose()
}

pub(super) async fn keyed(
    connection: &mut SqliteConnection,
    tenant: Option<Tenant>,
    key: IdempotencyKey,
) -> Result<Option<KeyedPreview>, sqlx::Error> {
    const SQL: &str = r#"
        select p.id, p.previous_id, n.msisdn, $3 is null or p.brand_id in ($3, $4) as own
        from preview p
        join preview_number n on n.preview_id = p.id
        where p.client = $1 and p.idempotency_key = $2
        order by n."index""#;
    let [brand, older] = Tenant::parameters(tenant.as_ref());
    let statement = sqlx::query(SQL).bind(key.client().as_str()).bind(key.text()).bind(brand).bind(older);
    let rows = statement.fetch_all(connection).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    Ok(Some(KeyedPreview {
        id: first.try_get::<Uuid, _>("id")?.into(),
        msisdns: rows.iter().map(|row| parsed(row, "msisdn")).collect::<Result<_, _>>()?,
        previous: first.try_get::<Option<Uuid>, _>("previous_id")?.map(PreviewId::from),
        own: first.try_get("own")?,
    }))
}

pub(super) async fn create(
    connection: &mut SqliteConnection,
    now: Micros,
    preview: NewPreview,
) -> Result<bool, sqlx::Error> {
    const PREVIEW: &str = "
        insert into preview (id, external_id, brand_id, created_at, expires_at, previous_id, client, idempotency_key)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict do nothing";
    const STORED: &str = "select exists (select 1 from preview where id = $1)";
    const NUMBERS: &str = r#"
        insert into preview_number (preview_id, msisdn, "index")
        select $1, value, key + 1 from json_each($2)"#;
    const REPLACED: &str = "update preview set expires_at = min(expires_at, $2) where id = $1";

    let created = sqlx::query(PREVIEW)
        .bind(preview.id.as_uuid())
        .bind(preview.external_id.as_str())
        .bind(preview.brand.as_str())
        .bind(now.0)
        .bind(now.after(preview.valid_for))
        .bind(preview.previous.map(PreviewId::as_uuid))
        .bind(preview.key.as_ref().map(|key| key.client().as_str()))
        .bind(preview.key.as_ref().map(IdempotencyKey::text))
        .execute(&mut *connection)
        .await?;
    if created.rows_affected() == 0 {
        // Stored before by this very step, or kept out by its key.
        return sqlx::query(STORED).bind(preview.id.as_uuid()).fetch_one(connection).await?.try_get(0);
    }
    let msisdns = to_json(&preview.msisdns)?;
    sqlx::query(NUMBERS).bind(preview.id.as_uuid()).bind(msisdns).execute(&mut *connection).await?;
    if let Some(previous) = preview.previous {
        sqlx::query(REPLACED).bind(previous.as_uuid()).bind(now.0).execute(connection).await?;
    }
    Ok(true)
}

pub(super) async fn purge(
    connection: &mut SqliteConnection,
    now: Micros,
    retention: Duration,
    limit: u32,
) -> Result<u64, sqlx::Error> {
    // A number of older data may have no reservation. Then its preview alone knows Sigan's id of its hold.
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
    let purged =
        sqlx::query(SQL).bind(now.before(retention)).bind(i64::from(limit)).execute(connection).await?;
    Ok(purged.rows_affected())
}

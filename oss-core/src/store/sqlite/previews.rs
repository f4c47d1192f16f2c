//! Previews: stored whole or not at all.

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::connections::Micros;
use crate::numbers::PreviewId;
use crate::store::rows::{parsed, to_json};
use crate::store::{NewPreview, PreviousPreview};

pub(super) async fn previous(
    connection: &mut SqliteConnection,
    id: PreviewId,
) -> Result<Option<PreviousPreview>, sqlx::Error> {
    const SQL: &str = "
        select p.external_id,
               exists (
                   select 1 from reservation r
                   where r.preview_id = p.id and r.state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED')
               ) as in_use
        from preview p
        where p.id = $1";
    let row = sqlx::query(SQL).bind(id.as_uuid()).fetch_optional(connection).await?;
    row.map(|row| {
        Ok(PreviousPreview { external_id: parsed(&row, "external_id")?, in_use: row.try_get("in_use")? })
    })
    .transpose()
}

pub(super) async fn create(
    connection: &mut SqliteConnection,
    now: Micros,
    preview: NewPreview,
) -> Result<(), sqlx::Error> {
    const PREVIEW: &str = "
        insert into preview (id, external_id, brand_id, created_at, expires_at)
        values ($1, $2, $3, $4, $5)
        on conflict (id) do nothing";
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
        .execute(&mut *connection)
        .await?;
    if created.rows_affected() == 1 {
        let msisdns = to_json(&preview.msisdns)?;
        sqlx::query(NUMBERS).bind(preview.id.as_uuid()).bind(msisdns).execute(&mut *connection).await?;
    }
    if let Some(previous) = preview.previous {
        sqlx::query(REPLACED).bind(previous.as_uuid()).bind(now.0).execute(connection).await?;
    }
    Ok(())
}

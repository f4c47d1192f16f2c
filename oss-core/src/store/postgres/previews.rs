//! Previews: stored whole in one statement.

use sqlx::Row;

use super::connections::{Connections, store_error};
use crate::numbers::PreviewId;
use crate::store::rows::parsed;
use crate::store::{NewPreview, PreviousPreview, StoreError};

pub(super) async fn previous(
    connections: &Connections,
    id: PreviewId,
) -> Result<Option<PreviousPreview>, StoreError> {
    const SQL: &str = "
        select p.external_id,
               exists (
                   select from reservation r
                   where r.preview_id = p.id and r.state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED')
               ) as in_use
        from preview p
        where p.id = $1";
    let Some(row) = connections.maybe(|| sqlx::query(SQL).bind(id.as_uuid())).await? else { return Ok(None) };
    let read =
        || Ok(PreviousPreview { external_id: parsed(&row, "external_id")?, in_use: row.try_get("in_use")? });
    read().map(Some).map_err(|error: sqlx::Error| store_error(&error))
}

pub(super) async fn create(connections: &Connections, preview: &NewPreview) -> Result<(), StoreError> {
    // A repeated statement finds the preview there and inserts nothing.
    const SQL: &str = "
        with created as (
            insert into preview (id, external_id, brand_id, expires_at)
            values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
            on conflict (id) do nothing
            returning id
        ), replaced as (
            update preview
            set expires_at = least(expires_at, clock_timestamp())
            where id = $5
        )
        insert into preview_number (preview_id, msisdn, index)
        select created.id, offered.msisdn, offered.index
        from created, unnest($6::text[]) with ordinality as offered (msisdn, index)";
    let msisdns: Vec<String> = preview.msisdns.iter().map(ToString::to_string).collect();
    let statement = || {
        sqlx::query(SQL)
            .bind(preview.id.as_uuid())
            .bind(preview.external_id.as_str())
            .bind(preview.brand.as_str())
            .bind(preview.valid_for.as_secs_f64())
            .bind(preview.previous.map(PreviewId::as_uuid))
            .bind(msisdns.clone())
    };
    connections.all(statement).await?;
    Ok(())
}

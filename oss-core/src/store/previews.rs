//! Previews: three numbers of an area code, from which a caller chooses.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use super::live::live;
use super::rows::DataRow;
use crate::domain::{IdempotencyKey, KeyedPreview, Msisdn, NewPreview, PreviewId, PreviousPreview, Scope};

/// The steps of previews.
#[async_trait]
pub trait PreviewStore {
    /// Reads the preview that a new one is to replace.
    async fn previous_preview(
        &self,
        scope: Scope<'_>,
        id: PreviewId,
    ) -> Result<Option<PreviousPreview>, StoreError>;

    /// Reads the preview that was created under a key, even if it belongs to another tenant, because the key then bars a second
    /// one.
    async fn keyed_preview(
        &self,
        scope: Scope<'_>,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyedPreview>, StoreError>;

    /// Stores a preview with its numbers, ends the preview that it replaces, and returns the time at which the new one ends.
    /// Returns none, and stores nothing, if another preview has its key.
    async fn create_preview(&self, preview: &NewPreview) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Whether one of these numbers was given back within the last `within`.
    async fn were_returned(&self, msisdns: &[Msisdn], within: Duration) -> Result<bool, StoreError>;

    /// Deletes at most `limit` previews that ended more than `retention` ago. Keeps a preview that an unsettled attempt refers
    /// to, and one that alone has Sigan's id of a held number.
    async fn purge_previews(&self, retention: Duration, limit: u32) -> Result<u64, StoreError>;
}

/// Reads the preview `$1`, if it belongs to the brands `$2` and `$3`.
pub(super) const PREVIOUS: &str = concat!(
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
    where p.id = $1 and (cast($2 as text) is null or p.brand_id in ($2, $3))"
);

pub(super) fn previous_preview(row: &impl DataRow) -> Result<PreviousPreview, sqlx::Error> {
    Ok(PreviousPreview { external_id: row.parsed("external_id")?, in_use: row.flag("in_use")? })
}

/// Reads the numbers of the preview that the client `$1` created under the key `$2`, and whether it belongs to one of the brands
/// `$3` and `$4`.
pub(super) const KEYED: &str = r#"
    select p.id, p.previous_id, p.expires_at, n.msisdn, cast($3 as text) is null or p.brand_id in ($3, $4) as own
    from preview p
    join preview_number n on n.preview_id = p.id
    where p.client = $1 and p.idempotency_key = $2
    order by n."index""#;

pub(super) fn keyed_preview<R: DataRow>(rows: &[R]) -> Result<Option<KeyedPreview>, sqlx::Error> {
    let Some(first) = rows.first() else { return Ok(None) };
    Ok(Some(KeyedPreview {
        id: first.id("id")?,
        msisdns: rows.iter().map(|row| row.parsed("msisdn")).collect::<Result<_, _>>()?,
        previous: first.maybe_id("previous_id")?,
        expires_at: first.time("expires_at")?,
        own: first.flag("own")?,
    }))
}

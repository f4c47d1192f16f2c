//! Searches: the number or the preview under a key.

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreError;
use super::listing::{current_attempt, is_current, listed};
use super::rows::DataRow;
use super::sim_records::Searched;
use crate::domain::{BrandId, Choice, ListedNumber, Msisdn, NumberKey, PreviewId, Scope, StoredPreview};

/// Searches for numbers and previews.
#[async_trait]
pub trait SearchStore {
    /// Finds the number under a key, with the attempt that has it, or had it last. Under the id of an attempt, it is that attempt.
    async fn find_number(&self, scope: Scope<'_>, key: NumberKey)
    -> Result<Option<ListedNumber>, StoreError>;

    /// Finds a preview. Returns none if there is none, or if it was forgotten.
    async fn find_preview(
        &self,
        scope: Scope<'_>,
        id: PreviewId,
    ) -> Result<Option<StoredPreview>, StoreError>;
}

/// The latest attempt of the brands `$2` and `$3` for which a condition on `$1` is true, with its number.
macro_rules! attempt {
    ($condition:literal) => {
        concat!(
            "select ",
            listed!(),
            "
            from (
                select * from reservation
                where ",
            $condition,
            " and (cast($2 as text) is null or brand_id in ($2, $3))
                order by created_at desc, id desc
                limit 1
            ) r
            left join phone_number p on p.msisdn = r.msisdn and ",
            is_current!()
        )
    };
}

/// The number of the brands `$2` and `$3` that a subquery with `$1` finds.
macro_rules! number {
    ($found:literal) => {
        concat!(
            "select ",
            listed!(),
            "
            from (",
            $found,
            ") p
            ",
            current_attempt!(),
            "
            where cast($2 as text) is null or coalesce(r.brand_id, 'unknown') in ($2, $3)"
        )
    };
}

/// The preview `$1` of the brands `$2` and `$3`, with a row for each of its numbers.
pub(super) const PREVIEW: &str = "
    select p.brand_id, p.client, p.external_id, p.reserved_msisdn, p.created_at, p.expires_at, cast(n.\"index\" as bigint) as choice, n.msisdn
    from preview p
    left join preview_number n on n.preview_id = p.id
    where p.id = $1 and (cast($2 as text) is null or p.brand_id in ($2, $3))
    order by n.\"index\"";

/// The queries for a key, and their text or id. A query is for the case that those before it find nothing.
pub(super) fn queries(key: NumberKey) -> (&'static [&'static str], Searched) {
    const OF_NUMBER: &[&str] = &[
        number!("select * from phone_number where msisdn = cast($1 as char(11))"),
        // It never was ours, or it is another brand's now.
        attempt!("msisdn = cast($1 as char(11))"),
    ];
    const OF_RESERVATION: &[&str] = &[attempt!("id = $1")];
    // The index has no refused attempts.
    const OF_PREVIEW: &[&str] = &[attempt!("preview_id = $1 and state <> 'REJECTED'")];
    const OF_ORDER: &[&str] = &[number!(
        "select p.* from sim_order o join phone_number p on p.msisdn = o.msisdn
         where o.id = $1 and (cast($2 as text) is null or o.carrier_tag in ($2, $3))"
    )];
    let by_id = |queries, id: Uuid| (queries, Searched::Id(id));
    match key {
        NumberKey::Number(msisdn) => (OF_NUMBER, Searched::Text(msisdn.to_string())),
        NumberKey::Reservation(id) => by_id(OF_RESERVATION, id.as_uuid()),
        NumberKey::Preview(id) => by_id(OF_PREVIEW, id.as_uuid()),
        NumberKey::Order(id) => by_id(OF_ORDER, id.as_uuid()),
    }
}

/// Reads the rows of [`PREVIEW`].
pub(super) fn preview<R: DataRow>(id: PreviewId, rows: &[R]) -> Result<Option<StoredPreview>, sqlx::Error> {
    let Some(first) = rows.first() else { return Ok(None) };
    let offer = |row: &R| {
        let choice = u8::try_from(row.maybe_count("choice").ok()??).ok()?;
        Some((Choice::try_from(choice).ok()?, row.maybe_parsed("msisdn").ok()??))
    };
    let reserved = first.maybe_text("reserved_msisdn")?;
    Ok(Some(StoredPreview {
        id,
        brand: first.text("brand_id")?.parse().unwrap_or_else(|_| BrandId::of_older_data()),
        client: first.maybe_text("client")?.and_then(|text| text.parse().ok()),
        external_id: first.parsed("external_id").ok(),
        offers: rows.iter().filter_map(offer).collect(),
        reserved: reserved.and_then(|text| Msisdn::exact(text).ok()),
        created_at: first.time("created_at")?,
        expires_at: first.time("expires_at")?,
    }))
}

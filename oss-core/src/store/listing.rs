//! Lists of numbers, a page at a time.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use super::rows::DataRow;
use crate::domain::{
    AttemptState, Cursor, ListedNumber, NumberFilter, NumberList, NumberPage, NumberStatus, OLDER_BRAND,
    Scope,
};

/// Lists of numbers.
#[async_trait]
pub trait ListStore {
    /// Reads a page of a list. A tenant sees only the numbers that belong to it, and its own attempts. If few of the numbers that it had
    /// belong to it, the page may have fewer numbers than there are, but its end is further on.
    async fn list_numbers(&self, scope: Scope<'_>, list: &NumberList) -> Result<NumberPage, StoreError>;
}

/// The columns of a row of a list, from the number `p` and the attempt `r`, one of which may be missing.
macro_rules! listed {
    () => {
        "coalesce(r.msisdn, p.msisdn) as msisdn, p.status, r.state, r.brand_id, p.assigned_sim_id, r.hold_expires_at,
         coalesce(r.set_aside, r.last_error) as last_error, r.id,
         coalesce(r.created_at, p.created_at) as created_at,
         case when r.id is null then p.updated_at else r.updated_at end as updated_at"
    };
}
pub(super) use listed;

/// The attempt that has the number `p`, or had it last if it is returned.
macro_rules! current_attempt {
    () => {
        concat!(
            "left join reservation r on r.id = (
                select c.id
                from reservation c
                where c.msisdn = p.msisdn
                  and (",
            $crate::store::live::live!("c.state"),
            " or p.status = 'RETURNED' and c.state in ('RELEASING', 'RELEASED'))
                order by case when ",
            $crate::store::live::live!("c.state"),
            " then 0 else 1 end, c.created_at desc, c.id desc
                limit 1
            )"
        )
    };
}
pub(super) use current_attempt;

/// A condition: the attempt `r` has the number `p`, or had it last and the number is returned.
macro_rules! is_current {
    () => {
        concat!(
            "(",
            $crate::store::live::live!("r.state"),
            " or p.status = 'RETURNED' and not exists (
                select 1 from reservation c
                where c.msisdn = r.msisdn
                  and (",
            $crate::store::live::live!("c.state"),
            " or c.state in ('RELEASING', 'RELEASED') and (c.created_at, c.id) > (r.created_at, r.id))
            ))"
        )
    };
}
pub(super) use is_current;

/// A condition: no reservation says whose the number `p` is.
macro_rules! is_nobodys {
    () => {
        concat!(
            "not exists (
                select 1 from reservation c
                where c.msisdn = p.msisdn
                  and (",
            $crate::store::live::live!("c.state"),
            " or c.state in ('RELEASING', 'RELEASED'))
            )"
        )
    };
}
pub(super) use is_nobodys;

/// The numbers of every brand, in their order. `$status` is a condition on the status, which an index has to serve.
macro_rules! numbers_of_all {
    ($status:literal) => {
        concat!(
            "select ",
            $crate::store::listing::listed!(),
            "
            from (
                select * from phone_number
                where ",
            $status,
            " and msisdn > cast($2 as char(11)) and msisdn < cast($3 as char(11))
                order by msisdn
                limit $4
            ) p
            ",
            $crate::store::listing::current_attempt!(),
            "
            order by p.msisdn"
        )
    };
}
pub(super) use numbers_of_all;

/// The number that is on the SIM `$1`, if it belongs to the brands `$2` and `$3`. Older data may have several.
pub(super) const OF_SIM: &str = concat!(
    "select ",
    listed!(),
    "
    from (select * from phone_number where assigned_sim_id = $1 order by msisdn limit $4) p
    ",
    current_attempt!(),
    "
    where cast($2 as text) is null or coalesce(r.brand_id, 'unknown') in ($2, $3)
    order by p.msisdn"
);

/// An SQL query: every brand in the column `$column` of the rows with `$condition`, by one look into the index for each.
macro_rules! brands_of {
    ($column:literal, $table:literal, $condition:literal) => {
        concat!(
            "
            with recursive brand (id) as (
                select min(",
            $column,
            ") from ",
            $table,
            " where ",
            $condition,
            "
                union all
                select (select min(",
            $column,
            ") from ",
            $table,
            " where ",
            $condition,
            " and ",
            $column,
            " > brand.id) from brand where brand.id is not null
            )
            select id as brand_id from brand where id is not null"
        )
    };
}
pub(super) use brands_of;

/// Every brand that has an attempt.
pub(super) const BRANDS: &str = brands_of!("brand_id", "reservation", "true");

/// The states of attempts at numbers with a status. An attempt that ends without a number is in none of them.
pub(super) fn states_of(status: Option<&NumberStatus>) -> &'static [AttemptState] {
    use AttemptState::{Assigned, Held, InDoubt, Pending, Released, Releasing};
    match status {
        None => &[Pending, Held, InDoubt, Assigned, Releasing, Released],
        Some(NumberStatus::Reserved) => &[Pending, Held, InDoubt],
        Some(NumberStatus::InUse) => &[Assigned],
        Some(NumberStatus::Returned) => &[Releasing, Released],
        Some(NumberStatus::Other(_)) => &[],
    }
}

/// The statuses of numbers of older data to look for. A tenant without older data has none.
pub(super) fn older_statuses(brands: &[String], status: Option<&NumberStatus>) -> Vec<String> {
    if !brands.iter().any(|brand| brand == OLDER_BRAND) {
        return Vec::new();
    }
    match status {
        Some(status) => vec![status.to_string()],
        None => [NumberStatus::Reserved, NumberStatus::InUse, NumberStatus::Returned]
            .map(|status| status.to_string())
            .into(),
    }
}

/// The texts between which the numbers of a page are, both excluded.
pub(super) fn bounds(list: &NumberList) -> (String, String) {
    // Every stored number is between these.
    let (mut after, mut until) = (String::new(), "zzzzzzzzzzz".to_owned());
    if let Some(ddd) = list.filter.ddd() {
        after = ddd.to_string();
        until = after
            .parse()
            .map_or(until, |ddd: u32| if ddd < 99 { (ddd + 1).to_string() } else { "9z".to_owned() });
    }
    match &list.after {
        Some(Cursor::Number(msisdn) | Cursor::Attempt(msisdn, _)) => (msisdn.to_string().max(after), until),
        _ => (after, until),
    }
}

/// Reads a page. A row that cannot be read is left out, and does not end the list.
pub(super) fn page<R: DataRow>(list: &NumberList, rows: &[R]) -> Result<NumberPage, sqlx::Error> {
    let is_last = rows.len() < usize::try_from(list.limit).unwrap_or(usize::MAX);
    let next = match rows.last().filter(|_| !is_last) {
        Some(row) => place(&list.filter, row)?,
        None => None,
    };
    Ok(NumberPage::of(rows.iter().filter_map(|row| listed_number(row).ok()).collect(), next))
}

/// Reads a page that may end early. Each row has the `edge`, the last number up to which rows were read, or null if all were read. The only
/// row of an empty page has no number.
pub(super) fn page_to_edge<R: DataRow>(list: &NumberList, rows: &[R]) -> Result<NumberPage, sqlx::Error> {
    let Some(first) = rows.first() else { return Ok(NumberPage::default()) };
    let listed = if first.maybe_text("msisdn")?.is_some() { rows } else { &[] };
    let mut page = page(list, listed)?;
    if page.next.is_none() {
        page.next = first.maybe_text("edge")?.map(|edge| Cursor::Number(edge.trim_end().into()));
    }
    Ok(page)
}

fn place(filter: &NumberFilter, row: &impl DataRow) -> Result<Option<Cursor>, sqlx::Error> {
    let msisdn = || row.text("msisdn").map(|text| text.trim_end().into());
    Ok(Some(match filter {
        NumberFilter::Numbers { .. } => Cursor::Number(msisdn()?),
        NumberFilter::State { .. } => Cursor::Attempt(msisdn()?, row.id("id")?),
        NumberFilter::Created { .. } => Cursor::Time(row.time("created_at")?, row.id("id")?),
        NumberFilter::Expiring(_) => Cursor::Time(row.time("hold_expires_at")?, row.id("id")?),
        NumberFilter::Sim(_) => return Ok(None),
    }))
}

pub(super) fn listed_number(row: &impl DataRow) -> Result<ListedNumber, sqlx::Error> {
    let state: Option<AttemptState> = row.maybe_parsed("state")?;
    let expires_at: Option<DateTime<Utc>> = row.maybe_time("hold_expires_at")?;
    Ok(ListedNumber {
        msisdn: row.parsed("msisdn")?,
        status: row.maybe_status("status")?,
        state,
        brand_id: row.maybe_parsed("brand_id")?,
        assigned_sim_id: row.maybe_id("assigned_sim_id")?,
        expires_at: state.and_then(|state| state.end_of_hold(expires_at)),
        reason: row.maybe_text("last_error")?.map(str::to_owned),
        created_at: row.time("created_at")?,
        updated_at: row.maybe_time("updated_at")?,
    })
}

//! Lists of numbers on PostgreSQL.
//!
//! An index has the order of a page for one brand and one state. So a page of several of them is merged from one page of each.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::PostgresStore;
use super::connections::Statement;
use crate::domain::{AttemptState, Cursor, NumberFilter, NumberList, NumberPage, NumberStatus, Scope};
use crate::store::StoreError;
use crate::store::listing::{
    BRANDS, ListStore, OF_SIM, bounds, is_current, is_nobodys, listed, numbers_of_all, older_statuses, page,
    page_to_edge, states_of,
};
use crate::store::rows::DataRow;

/// The numbers that belong to the brands `$1`, merged from a page of each of their states `$2` and of the statuses `$6` of numbers that
/// no reservation claims. Numbers of attempts that are over may belong to other brands by now, so a page of few numbers would read very
/// many rows. At most 500 rows of each such state and status are read, or as many as the page has: the edge is the number of the last one.
const OF_BRANDS: &str = concat!(
    "
    with edge as materialized (
        select min(part.msisdn) as msisdn
        from (
            select (
                select r.msisdn
                from reservation r
                where r.brand_id = brand.id and r.state = state.name and r.msisdn > $3::char(11) and r.msisdn < $4::char(11)
                order by r.msisdn
                offset greatest($5 - 1, 499)
                limit 1
            ) as msisdn
            from unnest($1::text[]) as brand (id)
            cross join unnest($2::text[]) as state (name)
            where state.name in ('RELEASING', 'RELEASED')
            union all
            select (
                select p.msisdn
                from phone_number p
                where p.unrecorded and p.status = status.name and p.msisdn > $3::char(11) and p.msisdn < $4::char(11)
                order by p.msisdn
                offset greatest($5 - 1, 499)
                limit 1
            )
            from unnest($6::text[]) as status (name)
        ) part
    ), until as materialized (
        select coalesce(edge.msisdn, $4::char(11)) as msisdn from edge
    )
    select edge.msisdn as edge, listed.*
    from edge
    left join (
        (
            select listed.*
            from unnest($1::text[]) as brand (id)
            cross join unnest($2::text[]) as state (name)
            cross join lateral (
                select ",
    listed!(),
    "
                from reservation r
                join phone_number p on p.msisdn = r.msisdn
                where r.brand_id = brand.id and r.state = state.name
                  and r.msisdn > $3::char(11) and r.msisdn <= (select msisdn from until)
                  and ($7::text is null or p.status = $7)
                  and ",
    is_current!(),
    "
                order by r.msisdn
                limit $5
            ) listed
        )
        union all
        (
            select listed.*
            from unnest($6::text[]) as status (name)
            cross join lateral (
                select ",
    listed!(),
    "
                from phone_number p
                left join reservation r on false
                where p.unrecorded and p.status = status.name
                  and p.msisdn > $3::char(11) and p.msisdn <= (select msisdn from until)
                  and ",
    is_nobodys!(),
    "
                order by p.msisdn
                limit $5
            ) listed
        )
        order by msisdn
        limit $5
    ) listed on true
    order by listed.msisdn"
);

/// The attempts of the brands `$1` in the states `$2`, merged from a page of each. `$key` is the order of the page, and `$place` the
/// condition that an index serves.
macro_rules! attempts_by {
    ($key:literal, $place:literal) => {
        concat!(
            "
            select ",
            listed!(),
            "
            from (
                select part.*
                from unnest($1::text[]) as brand (id)
                cross join unnest($2::text[]) as state (name)
                cross join lateral (
                    select r.*
                    from reservation r
                    where r.brand_id = brand.id and ",
            $place,
            "
                    order by r.",
            $key,
            ", r.id
                    limit $5
                ) part
                order by part.",
            $key,
            ", part.id
                limit $5
            ) r
            left join phone_number p on p.msisdn = r.msisdn and ",
            is_current!(),
            "
            order by r.",
            $key,
            ", r.id"
        )
    };
}

const BY_STATE: &str = attempts_by!(
    "msisdn",
    "r.state = state.name and (r.msisdn, r.id) > ($3::char(11), $6::uuid) and r.msisdn < $4::char(11)"
);

const BY_AGE: &str = attempts_by!(
    "created_at",
    "r.state = state.name and (r.created_at, r.id) > ($3::timestamptz, $6::uuid) and r.created_at < $4::timestamptz
       and r.state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING')"
);

const BY_EXPIRY: &str = attempts_by!(
    "hold_expires_at",
    "r.state = 'HELD' and (r.hold_expires_at, r.id) > ($3::timestamptz, $6::uuid) and r.hold_expires_at < $4::timestamptz"
);

#[async_trait]
impl ListStore for PostgresStore {
    async fn list_numbers(&self, scope: Scope<'_>, list: &NumberList) -> Result<NumberPage, StoreError> {
        match &list.filter {
            NumberFilter::Numbers { status, .. } if scope.is_all_brands() => {
                self.numbers_of_all(status.as_ref(), list).await
            }
            NumberFilter::Numbers { status, .. } => self.numbers_of_brand(scope, status.as_ref(), list).await,
            NumberFilter::State { state, .. } => {
                let (after, until) = bounds(list);
                // Any id comes after the nil one, and none after the last one.
                let id =
                    if let Some(Cursor::Attempt(_, id)) = list.after { id.as_uuid() } else { Uuid::nil() };
                self.attempts(
                    scope,
                    list,
                    BY_STATE,
                    *state,
                    |statement| statement.bind(after.clone()).bind(until.clone()),
                    id,
                )
                .await
            }
            NumberFilter::Created { state, after, before } => {
                let (since, id) = start(list.after.as_ref(), *after);
                let until = before.unwrap_or_else(end_of_time);
                self.attempts(scope, list, BY_AGE, *state, |statement| statement.bind(since).bind(until), id)
                    .await
            }
            NumberFilter::Expiring(before) => {
                let (since, id) = start(list.after.as_ref(), None);
                let state = AttemptState::Held;
                self.attempts(
                    scope,
                    list,
                    BY_EXPIRY,
                    state,
                    |statement| statement.bind(since).bind(*before),
                    id,
                )
                .await
            }
            NumberFilter::Sim(sim) => {
                let [brand, older] = scope.parameters();
                let statement = || {
                    sqlx::query(OF_SIM)
                        .bind(sim.as_uuid())
                        .bind(brand)
                        .bind(older)
                        .bind(i64::from(list.limit))
                };
                self.connections.read(statement, |rows| page(list, rows)).await
            }
        }
    }
}

impl PostgresStore {
    async fn numbers_of_all(
        &self,
        status: Option<&NumberStatus>,
        list: &NumberList,
    ) -> Result<NumberPage, StoreError> {
        let sql = match status {
            Some(_) => numbers_of_all!("status = $1"),
            None => numbers_of_all!("cast($1 as text) is null"),
        };
        let (after, until) = bounds(list);
        let statement = || {
            sqlx::query(sql)
                .bind(status.map(NumberStatus::as_str))
                .bind(after.clone())
                .bind(until.clone())
                .bind(i64::from(list.limit))
        };
        self.connections.read(statement, |rows| page(list, rows)).await
    }

    async fn numbers_of_brand(
        &self,
        scope: Scope<'_>,
        status: Option<&NumberStatus>,
        list: &NumberList,
    ) -> Result<NumberPage, StoreError> {
        let brands = self.brands(scope).await?;
        let of_status: Vec<&str> = states_of(status).iter().map(|state| state.as_str()).collect();
        let older = older_statuses(&brands, status);
        let (after, until) = bounds(list);
        let statement = || {
            sqlx::query(OF_BRANDS)
                .bind(brands.clone())
                .bind(of_status.clone())
                .bind(after.clone())
                .bind(until.clone())
                .bind(i64::from(list.limit))
                .bind(older.clone())
                .bind(status.map(NumberStatus::as_str))
        };
        self.connections.read(statement, |rows| page_to_edge(list, rows)).await
    }

    /// Reads a page of attempts. `bind_bounds` binds the two bounds of the page's order.
    async fn attempts<'q>(
        &self,
        scope: Scope<'_>,
        list: &NumberList,
        sql: &'static str,
        state: AttemptState,
        bind_bounds: impl Fn(Statement<'q>) -> Statement<'q>,
        after_id: Uuid,
    ) -> Result<NumberPage, StoreError> {
        let brands = self.brands(scope).await?;
        let statement = || {
            let statement = sqlx::query(sql).bind(brands.clone()).bind(vec![state.as_str()]);
            bind_bounds(statement).bind(i64::from(list.limit)).bind(after_id)
        };
        self.connections.read(statement, |rows| page(list, rows)).await
    }

    /// The brands of a scope, or else all that have an attempt.
    pub(super) async fn brands(&self, scope: Scope<'_>) -> Result<Vec<String>, StoreError> {
        if let Scope::Brand(tenant) = scope {
            let mut brands = tenant.own_brands().map(str::to_owned).to_vec();
            brands.dedup();
            return Ok(brands);
        }
        self.connections.all(|| sqlx::query(BRANDS), |row| row.text("brand_id").map(str::to_owned)).await
    }
}

/// The place after which a page in the order of a time begins.
pub(super) fn start(place: Option<&Cursor>, after: Option<DateTime<Utc>>) -> (DateTime<Utc>, Uuid) {
    match place {
        Some(Cursor::Time(time, id)) => (*time, id.as_uuid()),
        // No row has this id, so the time itself is excluded.
        _ => (after.unwrap_or(DateTime::UNIX_EPOCH), if after.is_some() { Uuid::max() } else { Uuid::nil() }),
    }
}

/// A time after every stored one, which PostgreSQL can hold.
fn end_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp(253_402_300_799, 0).unwrap_or_default()
}

//! Lists of numbers on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::SqliteStore;
use crate::domain::{AttemptState, Cursor, NumberFilter, NumberList, NumberPage, NumberStatus, Scope};
use crate::store::StoreError;
use crate::store::listing::{
    ListStore, OF_SIM, bounds, is_current, is_nobodys, listed, numbers_of_all, older_statuses, page,
    page_to_edge, states_of,
};
use crate::store::rows::to_json;

/// The numbers that belong to the brands `$1` by an attempt in one of the states `$2`, and those with a status of `$6` that no
/// reservation claims. Of each state and status at most 500 rows are read, or as many as the page has: the edge is the
/// number of the last one.
const OF_BRANDS: &str = concat!(
    "
    with edge as materialized (
        select min(part.msisdn) as msisdn
        from (
            select (
                select r.msisdn
                from reservation r
                where r.brand_id = brand.value and r.state = state.value and r.msisdn > $3 and r.msisdn < $4
                order by r.msisdn
                limit 1
                offset max($5 - 1, 499)
            ) as msisdn
            from json_each($1) brand
            cross join json_each($2) state
            union all
            select (
                select p.msisdn
                from phone_number p
                where p.unrecorded and p.status = status.value and p.msisdn > $3 and p.msisdn < $4
                order by p.msisdn
                limit 1
                offset max($5 - 1, 499)
            )
            from json_each($6) status
        ) part
    )
    select edge.msisdn as edge, listed.*
    from edge
    left join (
        select ",
    listed!(),
    "
        from reservation r
        join phone_number p on p.msisdn = r.msisdn
        where r.brand_id in (select value from json_each($1)) and r.state in (select value from json_each($2))
          and r.msisdn > $3 and r.msisdn <= (select coalesce(msisdn, $4) from edge)
          and ($7 is null or p.status = $7) and ",
    is_current!(),
    "
        union all
        select ",
    listed!(),
    "
        from phone_number p
        left join reservation r on false
        where p.unrecorded and p.status in (select value from json_each($6))
          and p.msisdn > $3 and p.msisdn <= (select coalesce(msisdn, $4) from edge) and ",
    is_nobodys!(),
    "
        order by 1
        limit $5
    ) listed on true
    order by listed.msisdn"
);

/// The attempts of the brands `$1`, or of all, in a state. `$key` is the order of the page.
macro_rules! attempts_by {
    ($key:literal) => {
        concat!(
            "
            select ",
            listed!(),
            "
            from reservation r
            left join phone_number p on p.msisdn = r.msisdn and ",
            is_current!(),
            "
            where ($1 is null or r.brand_id in (select value from json_each($1))) and r.state = $2
              and (r.",
            $key,
            ", r.id) > ($3, $6) and r.",
            $key,
            " < $4
            order by r.",
            $key,
            ", r.id
            limit $5"
        )
    };
}

#[async_trait]
impl ListStore for SqliteStore {
    async fn list_numbers(&self, scope: Scope<'_>, list: &NumberList) -> Result<NumberPage, StoreError> {
        match &list.filter {
            NumberFilter::Numbers { status, .. } => self.numbers(scope, status.as_ref(), list).await,
            NumberFilter::State { state, .. } => self.attempts_by_number(scope, *state, list).await,
            NumberFilter::Created { state, after, before } => {
                self.attempts_by_time(scope, attempts_by!("created_at"), *state, (*after, *before), list)
                    .await
            }
            NumberFilter::Expiring(before) => {
                let bounds = (None, Some(*before));
                let sql = attempts_by!("hold_expires_at");
                self.attempts_by_time(scope, sql, AttemptState::Held, bounds, list).await
            }
            NumberFilter::Sim(sim) => {
                let [brand, older] = scope.parameters();
                let statement = sqlx::query(OF_SIM).bind(sim.as_uuid()).bind(brand).bind(older);
                self.connections.read(statement.bind(i64::from(list.limit)), |rows| page(list, rows)).await
            }
        }
    }
}

impl SqliteStore {
    async fn numbers(
        &self,
        scope: Scope<'_>,
        status: Option<&NumberStatus>,
        list: &NumberList,
    ) -> Result<NumberPage, StoreError> {
        let (after, until) = bounds(list);
        let Some(brands) = brands(scope) else {
            let sql = match status {
                Some(_) => numbers_of_all!("status = $1"),
                None => numbers_of_all!("cast($1 as text) is null"),
            };
            let statement = sqlx::query(sql).bind(status.map(NumberStatus::as_str)).bind(after).bind(until);
            return self
                .connections
                .read(statement.bind(i64::from(list.limit)), |rows| page(list, rows))
                .await;
        };
        let statement = sqlx::query(OF_BRANDS)
            .bind(self.json(&brands)?)
            .bind(self.json(&states_of(status))?)
            .bind(after)
            .bind(until)
            .bind(i64::from(list.limit))
            .bind(self.json(&older_statuses(&brands, status))?)
            .bind(status.map(NumberStatus::as_str));
        self.connections.read(statement, |rows| page_to_edge(list, rows)).await
    }

    async fn attempts_by_number(
        &self,
        scope: Scope<'_>,
        state: AttemptState,
        list: &NumberList,
    ) -> Result<NumberPage, StoreError> {
        let (after, until) = bounds(list);
        let id = if let Some(Cursor::Attempt(_, id)) = list.after { id.as_uuid() } else { Uuid::nil() };
        let brands = brands(scope).map(|brands| self.json(&brands)).transpose()?;
        let statement = sqlx::query(attempts_by!("msisdn")).bind(brands).bind(state.as_str());
        let statement = statement.bind(after).bind(until).bind(i64::from(list.limit)).bind(id);
        self.connections.read(statement, |rows| page(list, rows)).await
    }

    async fn attempts_by_time(
        &self,
        scope: Scope<'_>,
        sql: &'static str,
        state: AttemptState,
        (after, before): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
        list: &NumberList,
    ) -> Result<NumberPage, StoreError> {
        let (since, id) = match list.after {
            Some(Cursor::Time(time, id)) => (time.timestamp_micros(), id.as_uuid()),
            // No row has this id, so the time itself is excluded.
            _ => (after.map_or(i64::MIN, |time| time.timestamp_micros()), Uuid::max()),
        };
        let until = before.map_or(i64::MAX, |time| time.timestamp_micros());
        let brands = brands(scope).map(|brands| self.json(&brands)).transpose()?;
        let statement = sqlx::query(sql).bind(brands).bind(state.as_str()).bind(since).bind(until);
        let statement = statement.bind(i64::from(list.limit)).bind(id);
        self.connections.read(statement, |rows| page(list, rows)).await
    }

    fn json(&self, value: &impl serde::Serialize) -> Result<String, StoreError> {
        to_json(value).map_err(|error| self.connections.store_error(&error))
    }
}

/// The brands of a scope, or none if it is not confined.
fn brands(scope: Scope<'_>) -> Option<Vec<String>> {
    let [brand, older] = scope.owned_parameters();
    Some([brand?, older?].into())
}

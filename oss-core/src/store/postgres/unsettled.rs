//! Unsettled attempts on PostgreSQL.
//!
//! An index has the attempts of a state in the order of a page, so a page is merged from one of each.

use async_trait::async_trait;

use super::PostgresStore;
use super::listing::start;
use crate::domain::{AttemptState, Cursor, Scope, UnsettledPage};
use crate::store::StoreError;
use crate::store::listing::brands_of;
use crate::store::unsettled::{STATES, UnsettledStore, page, unsettled};

#[async_trait]
impl UnsettledStore for PostgresStore {
    async fn unsettled_attempts(
        &self,
        scope: Scope<'_>,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<UnsettledPage, StoreError> {
        // A first call is unsettled only if its process died, so that its lease ran out. A brand with an order may have no attempt.
        const SQL: &str = concat!(
            "
            select part.*
            from (
                select part.*
                from unnest($1::text[]) as brand (id)
                cross join unnest($2::text[]) as state (name)
                cross join lateral (
                    select ",
            unsettled!("number", "brand_id"),
            "
                    from reservation a
                    where a.brand_id = brand.id and a.state = state.name and (a.created_at, a.id) > ($3::timestamptz, $4::uuid)
                      and a.state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING')
                      and (a.state <> 'PENDING' or a.attempts > 1 or a.due_at <= now())
                    order by a.created_at, a.id
                    limit $5
                ) part
                union all
                select part.*
                from (
                    select unnest($1::text[])
                    union
                    select brand_id from (",
            brands_of!(
                "carrier_tag",
                "sim_order",
                "state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING')"
            ),
            "
                    ) ordering where $6
                ) as brand (id)
                cross join unnest($2::text[]) as state (name)
                cross join lateral (
                    select ",
            unsettled!("sim", "carrier_tag"),
            "
                    from sim_order a
                    where a.carrier_tag = brand.id and a.state = state.name
                      and (a.created_at, a.id) > ($3::timestamptz, $4::uuid)
                      and a.state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING')
                      and (a.state <> 'PENDING' or a.attempts > 1 or a.due_at <= now())
                    order by a.created_at, a.id
                    limit $5
                ) part
            ) part
            order by part.created_at, part.id
            limit $5"
        );
        let brands = self.brands(scope).await?;
        let (since, id) = start(after, None);
        let statement = || {
            sqlx::query(SQL)
                .bind(brands.clone())
                .bind(STATES.map(AttemptState::as_str).to_vec())
                .bind(since)
                .bind(id)
                .bind(i64::from(limit))
                .bind(matches!(scope, Scope::AllBrands))
        };
        self.connections.read(statement, |rows| page(limit, rows)).await
    }
}

//! Unsettled attempts on SQLite.

use async_trait::async_trait;
use uuid::Uuid;

use super::SqliteStore;
use crate::domain::{AttemptState, Cursor, Scope, UnsettledPage};
use crate::store::StoreError;
use crate::store::listing::brands_of;
use crate::store::rows::to_json;
use crate::store::unsettled::{STATES, UnsettledStore, page, unsettled};

/// Reads a page. A first call is unsettled only if its process died, so that its lease ran out. The conditions with all states are those
/// of the indexes, which are used only if a statement repeats them.
const SQL: &str = concat!(
    "
    select ",
    unsettled!("number", "brand_id"),
    "
    from reservation a
    where a.brand_id in (
        select brand_id from (",
    brands_of!("brand_id", "reservation", "true"),
    "
        ) where $6 is null or brand_id in ($6, $7)
      )
      and a.state in (select value from json_each($1)) and (a.created_at, a.id) > ($2, $3)
      and a.state in ('PENDING', 'HELD', 'IN_DOUBT', 'RELEASING', 'CANCELLING')
      and (a.state <> 'PENDING' or a.attempts > 1 or a.due_at <= $5)
    union all
    select ",
    unsettled!("sim", "carrier_tag"),
    "
    from sim_order a
    where a.state in (select value from json_each($1)) and (a.created_at, a.id) > ($2, $3)
      and a.state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING')
      and (a.state <> 'PENDING' or a.attempts > 1 or a.due_at <= $5) and ($6 is null or a.carrier_tag in ($6, $7))
    order by created_at, id
    limit $4"
);

#[async_trait]
impl UnsettledStore for SqliteStore {
    async fn unsettled_attempts(
        &self,
        scope: Scope<'_>,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<UnsettledPage, StoreError> {
        let states = to_json(&STATES.map(AttemptState::as_str));
        let (since, id) = match after {
            Some(Cursor::Time(time, id)) => (time.timestamp_micros(), id.as_uuid()),
            _ => (i64::MIN, Uuid::nil()),
        };
        let [brand, older] = scope.parameters();
        let statement = sqlx::query(SQL)
            .bind(states.map_err(|error| self.connections.store_error(&error))?)
            .bind(since)
            .bind(id)
            .bind(i64::from(limit))
            .bind(self.connections.now().0)
            .bind(brand)
            .bind(older);
        self.connections.read(statement, |rows| page(limit, rows)).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::rows::DataRow;
    use crate::store::sqlite::SystemClock;

    #[tokio::test]
    async fn a_page_reads_the_indexes_of_unsettled_rows_alone() {
        let store = SqliteStore::open(&"sqlite::memory:".into(), Arc::new(SystemClock)).await.unwrap();
        let explained = sqlx::query(sqlx::AssertSqlSafe(format!("explain query plan {SQL}")));
        let plan =
            store.connections.all(explained, |row| row.text("detail").map(str::to_owned)).await.unwrap();
        for index in [
            "reservation_age (brand_id=? AND state=? AND (created_at,id)>(?,?))",
            "sim_order_age (state=? AND (created_at,id)>(?,?))",
        ] {
            assert!(plan.contains(&format!("SEARCH a USING INDEX {index}")), "{plan:#?}");
        }
        assert!(!plan.iter().any(|step| step.starts_with("SCAN a")), "{plan:#?}");
    }
}

//! Unsettled attempts on SQLite.

use async_trait::async_trait;
use uuid::Uuid;

use super::SqliteStore;
use crate::domain::{AttemptState, Cursor, Scope, UnsettledPage};
use crate::store::StoreError;
use crate::store::rows::to_json;
use crate::store::unsettled::{STATES, UnsettledStore, page, unsettled};

#[async_trait]
impl UnsettledStore for SqliteStore {
    async fn unsettled_attempts(
        &self,
        scope: Scope<'_>,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<UnsettledPage, StoreError> {
        // A first call is unsettled only if its process died, so that its lease ran out.
        const SQL: &str = concat!(
            "
            select ",
            unsettled!("number", "brand_id"),
            "
            from reservation a
            where a.state in (select value from json_each($1)) and (a.created_at, a.id) > ($2, $3)
              and (a.state <> 'PENDING' or a.attempts > 1 or a.due_at <= $5) and ($6 is null or a.brand_id in ($6, $7))
            union all
            select ",
            unsettled!("sim", "carrier_tag"),
            "
            from sim_order a
            where a.state in (select value from json_each($1)) and (a.created_at, a.id) > ($2, $3)
              and (a.state <> 'PENDING' or a.attempts > 1 or a.due_at <= $5) and ($6 is null or a.carrier_tag in ($6, $7))
            order by created_at, id
            limit $4"
        );
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

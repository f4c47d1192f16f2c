//! Searches on PostgreSQL.

use async_trait::async_trait;

use super::PostgresStore;
use crate::domain::{ListedNumber, NumberKey, PreviewId, Scope, StoredPreview};
use crate::store::StoreError;
use crate::store::listing::listed_number;
use crate::store::search::{PREVIEW, SearchStore, preview, queries};
use crate::store::sim_records::Searched;

#[async_trait]
impl SearchStore for PostgresStore {
    async fn find_number(
        &self,
        scope: Scope<'_>,
        key: NumberKey,
    ) -> Result<Option<ListedNumber>, StoreError> {
        let [brand, older] = scope.parameters();
        let (queries, searched) = queries(key);
        for sql in queries {
            let statement = || {
                let statement = match &searched {
                    Searched::Text(text) => sqlx::query(*sql).bind(text.clone()),
                    Searched::Id(id) => sqlx::query(*sql).bind(*id),
                };
                statement.bind(brand).bind(older)
            };
            if let Some(found) = self.connections.maybe(statement, listed_number).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn find_preview(
        &self,
        scope: Scope<'_>,
        id: PreviewId,
    ) -> Result<Option<StoredPreview>, StoreError> {
        let [brand, older] = scope.parameters();
        let statement = || sqlx::query(PREVIEW).bind(id.as_uuid()).bind(brand).bind(older);
        self.connections.read(statement, |rows| preview(id, rows)).await
    }
}

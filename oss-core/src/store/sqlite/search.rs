//! Searches on SQLite.

use async_trait::async_trait;

use super::SqliteStore;
use crate::domain::{ListedNumber, NumberKey, PreviewId, Scope, StoredPreview};
use crate::store::StoreError;
use crate::store::listing::listed_number;
use crate::store::search::{PREVIEW, SearchStore, preview, queries};
use crate::store::sim_records::Searched;

#[async_trait]
impl SearchStore for SqliteStore {
    async fn find_number(
        &self,
        scope: Scope<'_>,
        key: NumberKey,
    ) -> Result<Option<ListedNumber>, StoreError> {
        let [brand, older] = scope.parameters();
        let (queries, searched) = queries(key);
        for sql in queries {
            let statement = match &searched {
                Searched::Text(text) => sqlx::query(*sql).bind(text.clone()),
                Searched::Id(id) => sqlx::query(*sql).bind(*id),
            };
            if let Some(found) =
                self.connections.maybe(statement.bind(brand).bind(older), listed_number).await?
            {
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
        let statement = sqlx::query(PREVIEW).bind(id.as_uuid()).bind(brand).bind(older);
        self.connections.read(statement, |rows| preview(id, rows)).await
    }
}

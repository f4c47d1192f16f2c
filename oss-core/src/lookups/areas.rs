//! Looks area codes up. All of them are one set, which is loaded once for each version of the list: from Redis, or else from
//! `location_ddd`.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::cache::{Keep, Lookups, RedisCache};
use crate::domain::{DataVersion, DataVersions, Ddd, DddSet};
use crate::lookups::Versions;
use crate::store::{Store, StoreError};

/// The time for which the set is kept here, although its version is the current one. Another program may change the table and
/// leave the version as it is.
const FRESH: Duration = Duration::from_mins(1);

/// The area codes in use, with a cache.
#[derive(Debug)]
pub(crate) struct Areas {
    store: Arc<dyn Store>,
    versions: Arc<Versions>,
    kept: Mutex<Option<Kept>>,
    /// Redis and the loads that are under way. The set itself is kept in `kept`, where a look-up finds it faster.
    sets: Lookups<DataVersion, DddSet>,
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    version: DataVersion,
    set: DddSet,
    loaded_at: Instant,
}

impl Areas {
    pub(crate) fn new(store: Arc<dyn Store>, versions: Arc<Versions>, redis: Option<RedisCache>) -> Self {
        let keep = |_: &DddSet| Keep { memory: Duration::ZERO, redis: Duration::from_hours(1) };
        let sets = Lookups::with_keep("ddd", redis, keep);
        Self { store, versions, kept: Mutex::new(None), sets }
    }

    pub(crate) async fn exists(&self, ddd: Ddd) -> Result<bool, StoreError> {
        let current = self.versions.current().await?;
        let set = match self.kept_set(current.ddds) {
            Some(set) => set,
            // Boxed, so that the common case has a small future.
            None => Box::pin(self.load(current)).await?,
        };
        Ok(set.contains(ddd))
    }

    fn kept_set(&self, version: DataVersion) -> Option<DddSet> {
        let kept = (*self.kept.lock())?;
        let is_current = kept.version == version && kept.loaded_at.elapsed() < FRESH;
        is_current.then(|| {
            self.sets.count_hit();
            kept.set
        })
    }

    async fn load(&self, current: DataVersions) -> Result<DddSet, StoreError> {
        let version = current.ddds;
        let set = self.sets.get_or_load(current.installation, version, || self.store.ddds_in_use()).await?;
        *self.kept.lock() = Some(Kept { version, set, loaded_at: Instant::now() });
        Ok(set)
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::store::{SqliteStore, SystemClock};

    #[tokio::test]
    async fn a_set_is_used_for_its_version_only() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("oss.db").display()).into();
        SqliteStore::migrate(&url).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&url, Arc::new(SystemClock)).await.unwrap());
        let versions = Arc::new(Versions::new(store.clone()));
        let areas = Areas::new(store, versions.clone(), None);
        let version = versions.current().await.unwrap().ddds;
        assert_eq!(areas.kept_set(version), None);
        assert!(areas.exists("11".parse().unwrap()).await.unwrap());
        assert!(!areas.exists("23".parse().unwrap()).await.unwrap());
        assert!(areas.kept_set(version).is_some());
        assert_eq!(areas.kept_set(DataVersion::new()), None);
    }
}

//! Looks area codes up: in memory, then in Redis, then in `location_ddd`.

use std::fmt;
use std::sync::Arc;

use crate::cache::{Lookups, RedisCache};
use crate::domain::{DataVersion, Ddd};
use crate::lookups::Versions;
use crate::store::{Store, StoreError};

/// The area codes in use, with a cache.
#[derive(Debug)]
pub(crate) struct Areas {
    store: Arc<dyn Store>,
    versions: Arc<Versions>,
    answers: Lookups<AreaKey, bool>,
}

/// The key of the cache: an area code in one version of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct AreaKey {
    version: DataVersion,
    ddd: Ddd,
}

impl fmt::Display for AreaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.version, self.ddd)
    }
}

impl Areas {
    pub(crate) fn new(store: Arc<dyn Store>, versions: Arc<Versions>, redis: Option<RedisCache>) -> Self {
        Self { store, versions, answers: Lookups::new("ddd", redis) }
    }

    pub(crate) async fn exists(&self, ddd: Ddd) -> Result<bool, StoreError> {
        let current = self.versions.current().await?;
        let key = AreaKey { version: current.ddds, ddd };
        self.answers.get_or_load(current.installation, key, || self.store.ddd_exists(ddd)).await
    }
}

//! The area codes in use: in memory, then in Redis, then in `location_ddd`.

use std::fmt;
use std::sync::Arc;

use crate::cache::{Lookups, RedisCache};
use crate::domain::{DataVersion, Ddd};
use crate::lookups::Versions;
use crate::store::{Store, StoreError};

/// The area codes in use, as far as they have been looked up.
#[derive(Debug)]
pub(crate) struct Areas {
    store: Arc<dyn Store>,
    versions: Arc<Versions>,
    known: Lookups<Listed, bool>,
}

/// An area code in one version of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Listed {
    version: DataVersion,
    ddd: Ddd,
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.version, self.ddd)
    }
}

impl Areas {
    pub(crate) fn new(store: Arc<dyn Store>, versions: Arc<Versions>, redis: Option<RedisCache>) -> Self {
        Self { store, versions, known: Lookups::new("ddd", redis) }
    }

    pub(crate) async fn exists(&self, ddd: Ddd) -> Result<bool, StoreError> {
        let current = self.versions.current().await?;
        let listed = Listed { version: current.ddds, ddd };
        self.known.get_or_load(current.installation, listed, || self.store.ddd_exists(ddd)).await
    }
}

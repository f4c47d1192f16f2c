//! Does a DDD exist? Specification: "Consultar DDD".
//!
//! Looked up in memory, then in Redis, then in `location_ddd`.

mod data;

use std::fmt;
use std::sync::Arc;

pub use self::data::{Cnl, DddChanges, DddData, DddSummary};

use crate::cache::{Lookups, RedisCache};
use crate::domain::{DataVersion, Ddd};
use crate::error::Error;
use crate::oss::Oss;
use crate::reference::Versions;
use crate::store::{Store, StoreError};
use crate::telemetry::Operation;

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

    async fn exists(&self, ddd: Ddd) -> Result<bool, StoreError> {
        let current = self.versions.current().await?;
        let listed = Listed { version: current.ddds, ddd };
        self.known.get_or_load(current.installation, listed, || self.store.ddd_exists(ddd)).await
    }
}

impl Oss {
    /// Whether any locality of Brazil has this area code.
    ///
    /// ```
    /// # async fn example(oss: oss_core::Oss) -> Result<(), Box<dyn std::error::Error>> {
    /// assert!(oss.ddd_exists("11".parse()?).await?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Store`] where neither cache knows the answer and the database cannot be asked.
    pub async fn ddd_exists(&self, ddd: Ddd) -> Result<bool, Error> {
        self.timings().observed(Operation::DddExists, async { Ok(self.areas().exists(ddd).await?) }).await
    }

    /// Lets only an existing area code pass.
    pub(crate) async fn require_ddd(&self, ddd: Ddd) -> Result<(), Error> {
        if self.areas().exists(ddd).await? { Ok(()) } else { Err(Error::UnknownDdd(ddd)) }
    }
}

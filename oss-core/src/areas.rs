//! Does a DDD exist? Specification: "Consultar DDD".
//!
//! Looked up in memory, then in Redis, then in `location_ddd`.

use std::sync::Arc;

use crate::cache::{Lookups, RedisCache};
use crate::error::Error;
use crate::numbers::Ddd;
use crate::oss::Oss;
use crate::store::{Store, StoreError};

/// The area codes in use, as far as they have been looked up.
#[derive(Debug)]
pub(crate) struct Areas {
    store: Arc<dyn Store>,
    known: Lookups<Ddd, bool>,
}

impl Areas {
    pub(crate) fn new(store: Arc<dyn Store>, redis: Option<RedisCache>) -> Self {
        Self { store, known: Lookups::new("ddd", redis) }
    }

    async fn exists(&self, ddd: Ddd) -> Result<bool, StoreError> {
        self.known.get_or_load(ddd, || self.store.ddd_exists(ddd)).await
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
        Ok(self.areas().exists(ddd).await?)
    }

    /// Lets only an existing area code pass.
    pub(crate) async fn require_ddd(&self, ddd: Ddd) -> Result<(), Error> {
        if self.ddd_exists(ddd).await? { Ok(()) } else { Err(Error::UnknownDdd(ddd)) }
    }
}

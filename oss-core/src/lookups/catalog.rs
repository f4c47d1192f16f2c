//! The device catalogue in our own tables: its brands and models.

use std::sync::Arc;

use super::codes::{Spellings, catalogue_spelling, spellings};
use crate::cache::{Lookups, RedisCache};
use crate::domain::{Assortment, DataVersion, DeviceChoice, DisplayName};
use crate::lookups::Versions;
use crate::store::{Store, StoreError};

/// The catalogue with a cache, which is loaded once for each version.
#[derive(Debug)]
pub(crate) struct Catalog {
    store: Arc<dyn Store>,
    versions: Arc<Versions>,
    assortments: Lookups<DataVersion, Arc<[Assortment]>>,
    codes: Lookups<DataVersion, Spellings>,
}

impl Catalog {
    pub(crate) fn new(store: Arc<dyn Store>, versions: Arc<Versions>, redis: Option<RedisCache>) -> Self {
        // The codes are few and come from one statement, so every instance loads them itself.
        let codes = Lookups::new("device_codes", None);
        Self { store, versions, assortments: Lookups::new("catalog", redis), codes }
    }

    /// The choice with its code, if it has one, in the catalogue's spelling.
    pub(crate) async fn catalogue_spelling(&self, choice: &DeviceChoice) -> Result<DeviceChoice, StoreError> {
        let DeviceChoice::Code(code) = choice else { return Ok(choice.clone()) };
        let current = self.versions.current().await?;
        let load = async || Ok::<_, StoreError>(spellings(self.store.device_codes().await?));
        let listed = self.codes.get_or_load(current.installation, current.devices, load).await?;
        Ok(DeviceChoice::Code(catalogue_spelling(&listed, code)))
    }

    /// Every brand with its models that support eSIM, sorted by name.
    pub(crate) async fn assortments(&self) -> Result<Arc<[Assortment]>, StoreError> {
        let current = self.versions.current().await?;
        let load = async || Ok(sorted(self.store.assortments().await?).into());
        self.assortments.get_or_load(current.installation, current.devices, load).await
    }
}

/// Sorts brands and models by name as people expect, without regard to case.
fn sorted(mut assortments: Vec<Assortment>) -> Vec<Assortment> {
    let by_name = |name: &DisplayName| (name.as_str().to_lowercase(), name.as_str().to_owned());
    assortments.sort_by_cached_key(|assortment| by_name(&assortment.brand.name));
    for assortment in &mut assortments {
        assortment.models.sort_by_cached_key(|model| by_name(&model.name));
    }
    assortments
}

//! The device catalogue in our own tables, as it is shown.

use std::sync::Arc;

use super::codes::{Spellings, spelled, spellings};
use crate::cache::{Lookups, RedisCache};
use crate::domain::{Assortment, DataVersion, DeviceChoice, DisplayName};
use crate::lookups::Versions;
use crate::store::{Store, StoreError};

/// The catalogue as it is shown, looked up once for each version of it.
#[derive(Debug)]
pub(crate) struct Catalog {
    store: Arc<dyn Store>,
    versions: Arc<Versions>,
    shown: Lookups<DataVersion, Arc<[Assortment]>>,
    codes: Lookups<DataVersion, Spellings>,
}

impl Catalog {
    pub(crate) fn new(store: Arc<dyn Store>, versions: Arc<Versions>, redis: Option<RedisCache>) -> Self {
        // The codes are few and come from one statement, so every instance looks them up itself.
        let codes = Lookups::new("device_codes", None);
        Self { store, versions, shown: Lookups::new("catalog", redis), codes }
    }

    /// A choice whose code, if it has one, is spelled as in the catalogue.
    pub(crate) async fn spelled(&self, choice: &DeviceChoice) -> Result<DeviceChoice, StoreError> {
        let DeviceChoice::Code(code) = choice else { return Ok(choice.clone()) };
        let current = self.versions.current().await?;
        let load = async || Ok::<_, StoreError>(spellings(self.store.device_codes().await?));
        let listed = self.codes.get_or_load(current.installation, current.devices, load).await?;
        Ok(DeviceChoice::Code(spelled(&listed, code)))
    }

    pub(crate) async fn shown(&self) -> Result<Arc<[Assortment]>, StoreError> {
        let current = self.versions.current().await?;
        let load = async || Ok(sorted(self.store.assortments().await?).into());
        self.shown.get_or_load(current.installation, current.devices, load).await
    }
}

/// Brands and models by name, as a person looks for them: without regard to case.
fn sorted(mut assortments: Vec<Assortment>) -> Vec<Assortment> {
    let by_name = |name: &DisplayName| (name.as_str().to_lowercase(), name.as_str().to_owned());
    assortments.sort_by_cached_key(|assortment| by_name(&assortment.brand.name));
    for assortment in &mut assortments {
        assortment.models.sort_by_cached_key(|model| by_name(&model.name));
    }
    assortments
}

//! What is asked of a database about the reference data, beside the life of numbers.

use std::fmt;

use async_trait::async_trait;

use super::StoreError;
use crate::domain::{
    Assortment, DataVersion, DataVersions, DeviceChoice, DeviceCode, DeviceHash, Edition, EsimAnswer,
};
use crate::lists::{DddChanges, DddData, DeviceChanges, DeviceData};

/// The database, as the device operations and the imports see it.
#[async_trait]
pub trait CatalogStore: Send + Sync + fmt::Debug {
    /// The current versions of the lists.
    async fn data_versions(&self) -> Result<DataVersions, StoreError>;

    /// Every brand with those of its models that support eSIM, in no order.
    async fn assortments(&self) -> Result<Vec<Assortment>, StoreError>;

    /// Every device code of the catalogue, in no order.
    async fn device_codes(&self) -> Result<Vec<DeviceCode>, StoreError>;

    /// Whether a device supports eSIM, as the current version of the catalogue says; unknown if it is not in the catalogue.
    async fn esim_support(&self, choice: &DeviceChoice) -> Result<EsimAnswer, StoreError>;

    /// Stores a choice under its hash (`device_model`), where it is not stored yet.
    async fn keep_choice(&self, choice: &DeviceChoice, hash: DeviceHash) -> Result<(), StoreError>;

    /// The whole device catalogue, and its version.
    async fn devices(&self) -> Result<(DataVersion, DeviceData), StoreError>;

    /// Changes the device catalogue. Where it has another version than the changes were made for, nothing happens, and the
    /// answer is false.
    async fn change_devices(&self, edition: Edition<DeviceChanges>) -> Result<bool, StoreError>;

    /// The whole list of localities (`location_ddd`), and its version.
    async fn ddds(&self) -> Result<(DataVersion, DddData), StoreError>;

    /// Changes the list of localities, as [`CatalogStore::change_devices`] does.
    async fn change_ddds(&self, edition: Edition<DddChanges>) -> Result<bool, StoreError>;
}

/// The catalogue that this program brings along, for a database that never had one.
pub(super) fn first_edition() -> Result<Edition<DeviceChanges>, StoreError> {
    let built_in = DeviceData::built_in()
        .map_err(|_| StoreError::failed("the device catalogue that this program brings along has faults"))?;
    let changes = DeviceChanges::between(&DeviceData::default(), &built_in);
    Ok(Edition { over: DataVersion::of_migration(), version: DataVersion::new(), changes })
}

//! The reference data: lists from outside that are replaced as a whole, the device catalogue and the area codes.
//!
//! A list is read and checked whole before a row changes; what differs is written in one transaction together with a new
//! version of the list. The version is what every instance asks for, so that it notices a list which another one replaced.

use std::sync::Arc;

use crate::domain::{DataVersion, Edition};
use crate::lists::{
    DddChanges, DddData, DddSummary, DeviceChanges, DeviceData, DeviceSummary, MassRemoval, RemovalLimit,
};
use crate::oss::Oss;
use crate::store::{self, DatabaseConfig, Store, StoreError};

/// How often an import starts again where another one came between what it read and what it would have written.
const RACES: usize = 5;

/// Whether an import is written, or only told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportMode {
    /// It is written.
    Write,
    /// It is told what would be written.
    DryRun,
}

/// The reference data of a database, to be replaced. Needs neither Sigan nor Redis.
///
/// ```no_run
/// use std::path::Path;
///
/// use oss_core::{DeviceData, ImportMode, RemovalLimit};
///
/// # async fn example(config: oss_core::Config) -> Result<(), Box<dyn std::error::Error>> {
/// let data = DeviceData::read(Path::new("catalogue"), |_| {})?; // Every fault of every file, or none.
/// let reference = oss_core::ReferenceData::connect(&config.database).await?;
/// let summary = reference.import_devices(&data, ImportMode::DryRun, RemovalLimit::Tenth).await?;
/// println!("{} models would be removed", summary.models.removed);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct ReferenceData {
    store: Arc<dyn Store>,
}

impl ReferenceData {
    /// That of the configured database.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be reached or lacks the tables of this version.
    pub async fn connect(config: &DatabaseConfig) -> Result<Self, StoreError> {
        let store = store::connect(config).await?;
        store.check().await?;
        Ok(Self { store })
    }

    /// Puts a device catalogue in the place of the one there is.
    ///
    /// # Errors
    ///
    /// [`ImportError::MassRemoval`] if the list would remove more than `limit` allows, also in a dry run, and
    /// [`ImportError::Store`] if the database fails or other imports keep coming between. Nothing was changed then.
    pub async fn import_devices(
        &self,
        data: &DeviceData,
        mode: ImportMode,
        limit: RemovalLimit,
    ) -> Result<DeviceSummary, ImportError> {
        for _ in 0..RACES {
            let (over, kept) = self.store.devices().await?;
            let changes = DeviceChanges::between(&kept, data);
            let summary = changes.summary();
            limit.check(&summary.kinds())?;
            if mode == ImportMode::DryRun || !summary.is_change() {
                return Ok(summary);
            }
            if self.store.change_devices(Edition { over, version: DataVersion::new(), changes }).await? {
                return Ok(summary);
            }
        }
        Err(overtaken().into())
    }

    /// Puts a list of localities and their area codes in the place of the one there is.
    ///
    /// # Errors
    ///
    /// As for [`ReferenceData::import_devices`].
    pub async fn import_ddds(
        &self,
        data: &DddData,
        mode: ImportMode,
        limit: RemovalLimit,
    ) -> Result<DddSummary, ImportError> {
        for _ in 0..RACES {
            let (over, kept) = self.store.ddds().await?;
            let changes = DddChanges::between(&kept, data);
            let summary = changes.summary();
            limit.check(&summary.kinds())?;
            if mode == ImportMode::DryRun || !summary.is_change() {
                return Ok(summary);
            }
            if self.store.change_ddds(Edition { over, version: DataVersion::new(), changes }).await? {
                return Ok(summary);
            }
        }
        Err(overtaken().into())
    }
}

fn overtaken() -> StoreError {
    StoreError::unavailable("other imports keep coming between")
}

/// Why an import changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The list would remove more entries than the import may.
    #[error(transparent)]
    MassRemoval(#[from] MassRemoval),
    /// The database failed, or other imports keep coming between.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Oss {
    /// The reference data of this client's database, to be replaced.
    #[must_use]
    pub fn reference_data(&self) -> ReferenceData {
        ReferenceData { store: self.shared_store() }
    }
}

//! Imports the reference data: the device catalogue and the area codes, lists from outside that are replaced as a whole.
//!
//! A whole list is read and checked before any row changes. Then the differences are written in one transaction, together with a
//! new version of the list. Every instance polls the version, so that it notices when another one has replaced the list.

use std::sync::Arc;

use crate::domain::{DataVersion, Edition};
use crate::lists::{
    DddChanges, DddData, DddSummary, DeviceChanges, DeviceData, DeviceSummary, MassRemoval, RemovalLimit,
};
use crate::oss::Oss;
use crate::store::{self, DatabaseConfig, Store, StoreError};

/// The tries of an import. It starts again if another import has written between its read and its write.
const RACES: usize = 5;

/// Whether an import is written, or only reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportMode {
    /// The import is written.
    Write,
    /// Nothing is written. The import only reports what it would write.
    DryRun,
}

/// The reference data of a database, for imports. It needs neither Sigan nor Redis.
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
    /// Connects to the reference data of the configured database.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be reached or lacks the tables of this version.
    pub async fn connect(config: &DatabaseConfig) -> Result<Self, StoreError> {
        let store = store::connect(config).await?;
        store.check().await?;
        Ok(Self { store })
    }

    /// Replaces the device catalogue.
    ///
    /// # Errors
    ///
    /// [`ImportError::MassRemoval`] if the list would remove more than `limit` allows, also in a dry run, and
    /// [`ImportError::Store`] if the database fails or other imports keep interfering. In these cases nothing was changed.
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
        Err(interference().into())
    }

    /// Replaces the list of localities and their area codes.
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
        Err(interference().into())
    }
}

fn interference() -> StoreError {
    StoreError::unavailable("other imports keep interfering; try again later")
}

/// The reason why an import changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The list would remove more entries than the import may.
    #[error(transparent)]
    MassRemoval(#[from] MassRemoval),
    /// The database failed, or other imports keep interfering.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Oss {
    /// The reference data of this client's database, for imports.
    #[must_use]
    pub fn reference_data(&self) -> ReferenceData {
        ReferenceData { store: self.shared_store() }
    }
}

//! Cached look-ups in data that is read far more often than it changes: the area codes, the device catalogue, and GSIM's answers.

mod areas;
mod catalog;
mod codes;
mod gsim;
mod versions;

use std::fmt;

use async_trait::async_trait;

pub(crate) use self::areas::Areas;
pub(crate) use self::catalog::Catalog;
pub use self::catalog::LocalCatalog;
pub use self::gsim::GsimCatalog;
pub(crate) use self::versions::Versions;
use crate::domain::{DeviceChoice, EsimAnswer};
use crate::store::StoreError;

/// A source that knows which devices support eSIM.
///
/// The default is [`LocalCatalog`], our own tables. [`GsimCatalog`] also asks GSIM about devices that these do not have.
#[async_trait]
pub trait DeviceCatalog: Send + Sync + fmt::Debug {
    /// Returns whether a device supports eSIM, and which source says so.
    async fn esim_support(&self, choice: &DeviceChoice) -> Result<EsimAnswer, StoreError>;
}

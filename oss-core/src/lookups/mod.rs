//! Look-ups that are asked far more often than they change: the area codes, the device catalogue, and who knows a device.

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

/// A source that knows which devices support eSIM, as the operations see it.
///
/// [`LocalCatalog`], our own tables, is the default; [`GsimCatalog`] asks GSIM where that one does not
/// know.
#[async_trait]
pub trait DeviceCatalog: Send + Sync + fmt::Debug {
    /// Whether a device supports eSIM, and which source says so.
    async fn esim_support(&self, choice: &DeviceChoice) -> Result<EsimAnswer, StoreError>;
}

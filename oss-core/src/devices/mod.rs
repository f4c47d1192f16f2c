//! Which devices support eSIM: brands, models, and the check of one device.
//!
//! Knows the store and, behind [`DeviceCatalog`](crate::gsim::DeviceCatalog), whoever else knows devices. Nothing here knows a
//! number or a SIM, and nothing keeps an IMEI.

mod catalog;
mod check;
mod codes;
mod data;

pub(crate) use self::catalog::Catalog;
pub use self::catalog::LocalCatalog;
pub use self::check::EsimCheck;
pub use self::data::{BrandEntry, DeviceChanges, DeviceData, DeviceSummary, ModelEntry, TacEntry};

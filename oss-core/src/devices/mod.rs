//! Which devices support eSIM: brands, models, and the check of one device.
//!
//! Knows the store and, behind [`DeviceCatalog`](crate::gsim::DeviceCatalog), whoever else knows devices. Nothing here knows a
//! number or a SIM, and nothing keeps an IMEI.

mod catalog;
mod check;
mod choice;
mod codes;
mod data;
mod hash;
mod names;
mod support;
mod tac;

pub(crate) use self::catalog::Catalog;
pub use self::catalog::{Assortment, DeviceBrand, DeviceModel, LocalCatalog};
pub use self::check::EsimCheck;
pub use self::choice::DeviceChoice;
pub use self::data::{BrandEntry, DeviceChanges, DeviceData, DeviceSummary, ModelEntry, TacEntry};
pub use self::hash::DeviceHash;
pub use self::names::{BrandSlug, DeviceBrandId, DeviceCode, DeviceModelId, DisplayName, Source};
pub use self::support::{EsimAnswer, EsimSource, EsimSupport};
pub use self::tac::{Imei, Tac};

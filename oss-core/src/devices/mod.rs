//! Which devices support eSIM: brands, models, and the check of one device.
//!
//! Knows the store and, behind [`DeviceCatalog`](crate::lookups::DeviceCatalog), whoever else knows devices. Nothing here knows a
//! number or a SIM, and nothing keeps an IMEI.

mod brands;
mod check;

pub use self::check::EsimCheck;

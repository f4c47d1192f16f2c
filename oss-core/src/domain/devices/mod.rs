//! Devices: how they are named, and whether they support eSIM.

mod catalogue;
mod choice;
mod hash;
mod names;
mod support;
mod tac;

pub use self::catalogue::{Assortment, DeviceBrand, DeviceModel};
pub use self::choice::DeviceChoice;
pub use self::hash::DeviceHash;
pub use self::names::{BrandSlug, DeviceBrandId, DeviceCode, DeviceModelId, DisplayName, Source};
pub use self::support::{EsimAnswer, EsimSource, EsimSupport};
pub(super) use self::tac::luhn;
pub use self::tac::{Imei, Tac};

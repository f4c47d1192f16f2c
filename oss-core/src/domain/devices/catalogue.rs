//! The brands and models of devices that support eSIM.

use serde::{Deserialize, Serialize};

use super::{BrandSlug, DeviceBrandId, DeviceModelId, DisplayName};

/// A brand of devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceBrand {
    /// Derived from the slug, so the same on every installation.
    pub id: DeviceBrandId,
    /// Its name in addresses and files.
    pub slug: BrandSlug,
    /// Its name for people.
    pub name: DisplayName,
}

/// A model that supports eSIM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceModel {
    /// Our name for it.
    pub model: DeviceModelId,
    /// Its name for people.
    pub name: DisplayName,
    /// Whether Anatel has homologated it, as far as the catalogue says.
    pub homologated: bool,
}

/// A brand with those of its models that support eSIM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assortment {
    /// The brand.
    pub brand: DeviceBrand,
    /// The models; none where the brand has none that support eSIM.
    pub models: Vec<DeviceModel>,
}

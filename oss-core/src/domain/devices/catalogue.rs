//! The brands and models of devices that support eSIM.

use serde::{Deserialize, Serialize};

use super::{BrandSlug, DeviceBrandId, DeviceModelId, DisplayName};

/// A brand of devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceBrand {
    /// Derived from the slug, so it is the same on every installation.
    pub id: DeviceBrandId,
    /// Its name in addresses and files.
    pub slug: BrandSlug,
    /// Its name for people.
    pub name: DisplayName,
}

impl DeviceBrand {
    /// Whether a person means this brand: by its name or its slug, in any case.
    #[must_use]
    pub fn is_called(&self, text: &str) -> bool {
        [self.name.as_str(), self.slug.as_str()].iter().any(|name| name.to_lowercase() == text.to_lowercase())
    }
}

/// A model that supports eSIM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceModel {
    /// Our name for it.
    pub model: DeviceModelId,
    /// Its name for people.
    pub name: DisplayName,
    /// Whether Anatel has homologated it, according to the catalogue.
    pub homologated: bool,
}

/// A brand with those of its models that support eSIM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assortment {
    /// The brand.
    pub brand: DeviceBrand,
    /// The models, or none if no model of the brand supports eSIM.
    pub models: Vec<DeviceModel>,
}

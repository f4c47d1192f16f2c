//! The whole device catalogue as maps, and the difference between two catalogues.

#[cfg(feature = "import")]
mod reading;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{BrandSlug, DeviceBrandId, DeviceCode, DeviceModelId, DisplayName, Source, Tac};
use crate::lists::{Changes, Count};

/// A device catalogue, free of faults: every key is there once, and every reference leads somewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct DeviceData {
    /// The brands, by their slugs.
    pub brands: BTreeMap<BrandSlug, BrandEntry>,
    /// The models, by their ids.
    pub models: BTreeMap<DeviceModelId, ModelEntry>,
    /// The model of each code.
    pub codes: BTreeMap<DeviceCode, DeviceModelId>,
    /// The TACs.
    pub tacs: BTreeMap<Tac, TacEntry>,
}

/// A brand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrandEntry {
    /// Derived from the slug.
    pub id: DeviceBrandId,
    /// Its name for people.
    pub name: DisplayName,
}

/// A model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelEntry {
    /// Its brand.
    pub brand: DeviceBrandId,
    /// Its name for people.
    pub name: DisplayName,
    /// Whether it supports eSIM.
    pub supports_esim: bool,
    /// Whether Anatel has homologated it. A file without the column says nothing against it, so all of its models are.
    pub homologated: bool,
    /// Who says so.
    pub source: Source,
}

/// What a TAC was allocated to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TacEntry {
    /// The model.
    pub model: DeviceModelId,
    /// Who says so.
    pub source: Source,
}

/// What differs between two catalogues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceChanges {
    /// Of the brands.
    pub brands: Changes<BrandSlug, BrandEntry>,
    /// Of the models.
    pub models: Changes<DeviceModelId, ModelEntry>,
    /// Of the codes.
    pub codes: Changes<DeviceCode, DeviceModelId>,
    /// Of the TACs.
    pub tacs: Changes<Tac, TacEntry>,
}

/// How many lines of each kind an import changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeviceSummary {
    /// Brands.
    pub brands: Count,
    /// Models.
    pub models: Count,
    /// Codes.
    pub codes: Count,
    /// TACs.
    pub tacs: Count,
}

impl DeviceChanges {
    /// What makes one catalogue the other.
    #[must_use]
    pub fn between(kept: &DeviceData, given: &DeviceData) -> Self {
        Self {
            brands: Changes::between(&kept.brands, &given.brands),
            models: Changes::between(&kept.models, &given.models),
            codes: Changes::between(&kept.codes, &given.codes),
            tacs: Changes::between(&kept.tacs, &given.tacs),
        }
    }

    /// How many lines change.
    #[must_use]
    pub fn summary(&self) -> DeviceSummary {
        DeviceSummary {
            brands: self.brands.count(),
            models: self.models.count(),
            codes: self.codes.count(),
            tacs: self.tacs.count(),
        }
    }
}

impl DeviceSummary {
    /// Whether anything changes.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.kinds().into_iter().any(|(_, count)| count.is_change())
    }

    /// Each kind's name for people, and its count.
    #[must_use]
    pub fn kinds(&self) -> [(&'static str, Count); 4] {
        [("brands", self.brands), ("models", self.models), ("codes", self.codes), ("TACs", self.tacs)]
    }
}

#[cfg(all(test, feature = "import"))]
mod tests;

//! The device catalogue, as maps, and the differences between two catalogues.

#[cfg(feature = "import")]
mod reading;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{BrandSlug, DeviceBrandId, DeviceCode, DeviceModelId, DisplayName, Source, Tac};
use crate::lists::{Changes, Count};

/// A device catalogue without faults: every key is unique, and every reference has its target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct DeviceData {
    /// The brands, by their slugs.
    pub brands: BTreeMap<BrandSlug, BrandEntry>,
    /// The models, by their ids.
    pub models: BTreeMap<DeviceModelId, ModelEntry>,
    /// The models, by device code.
    pub codes: BTreeMap<DeviceCode, DeviceModelId>,
    /// The models, by TAC.
    pub tacs: BTreeMap<Tac, TacEntry>,
}

/// A brand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrandEntry {
    /// Its id, which is derived from the slug.
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
    /// Whether Anatel has homologated it. If the file lacks the column, all of its models count as homologated.
    pub homologated: bool,
    /// The source of this entry.
    pub source: Source,
}

/// The model that a TAC was allocated to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TacEntry {
    /// The model.
    pub model: DeviceModelId,
    /// The source of this entry.
    pub source: Source,
}

/// The differences between two catalogues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceChanges {
    /// The changes of brands.
    pub brands: Changes<BrandSlug, BrandEntry>,
    /// The changes of models.
    pub models: Changes<DeviceModelId, ModelEntry>,
    /// The changes of codes.
    pub codes: Changes<DeviceCode, DeviceModelId>,
    /// The changes of TACs.
    pub tacs: Changes<Tac, TacEntry>,
}

/// The counts of lines that an import changes, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeviceSummary {
    /// The count for brands.
    pub brands: Count,
    /// The count for models.
    pub models: Count,
    /// The count for codes.
    pub codes: Count,
    /// The count for TACs.
    pub tacs: Count,
}

impl DeviceChanges {
    /// The changes that turn the catalogue `kept` into the catalogue `given`.
    #[must_use]
    pub fn between(kept: &DeviceData, given: &DeviceData) -> Self {
        Self {
            brands: Changes::between(&kept.brands, &given.brands),
            models: Changes::between(&kept.models, &given.models),
            codes: Changes::between(&kept.codes, &given.codes),
            tacs: Changes::between(&kept.tacs, &given.tacs),
        }
    }

    /// The counts of lines that change.
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

    /// The name of each kind, for people, and its count.
    #[must_use]
    pub fn kinds(&self) -> [(&'static str, Count); 4] {
        [("brands", self.brands), ("models", self.models), ("codes", self.codes), ("TACs", self.tacs)]
    }
}

#[cfg(all(test, feature = "import"))]
mod tests;

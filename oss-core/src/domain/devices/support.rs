//! Whether a device supports eSIM, and which source says so.

use serde::{Deserialize, Serialize};

use super::Source;
use crate::domain::DataVersion;

/// Whether a device supports eSIM, according to a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum EsimSupport {
    /// A source knows the device and says that it supports eSIM.
    Yes,
    /// A source knows the device and says that it has no eSIM.
    No,
    /// No source knows the device. A GSIM that gives no answer does not make this a "no".
    Unknown,
}

impl EsimSupport {
    /// Whether a source knows the device.
    #[must_use]
    pub fn is_known(self) -> bool {
        self != Self::Unknown
    }

    fn of(supports_esim: bool) -> Self {
        if supports_esim { Self::Yes } else { Self::No }
    }
}

/// The source that knows a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum EsimSource {
    /// The device catalogue.
    Catalogue {
        /// The lists that the catalogue names for the model, such as `list-A;list-U`. It is empty if the catalogue names none.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        lists: Source,
    },
    /// GSIM, which is asked about the devices that the catalogue does not have.
    Gsim,
}

/// An answer to whether a device supports eSIM, with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EsimAnswer {
    /// The answer.
    pub support: EsimSupport,
    /// The source that knows the device, or none if no source does.
    pub source: Option<EsimSource>,
    /// The version of the device catalogue that was looked at, also if the device is not in it.
    pub list_version: DataVersion,
}

impl EsimAnswer {
    /// The answer of the catalogue; unknown if it has no row for the device.
    #[must_use]
    pub fn of_catalogue(list_version: DataVersion, row: Option<(bool, Source)>) -> Self {
        let unknown = Self { support: EsimSupport::Unknown, source: None, list_version };
        match row {
            Some((supports_esim, lists)) => unknown.known(supports_esim, EsimSource::Catalogue { lists }),
            None => unknown,
        }
    }

    /// The answer of GSIM about a device that the catalogue does not have; unknown if GSIM does not know it either.
    #[must_use]
    pub fn or_of_gsim(self, supports_esim: Option<bool>) -> Self {
        match supports_esim {
            Some(supports_esim) => self.known(supports_esim, EsimSource::Gsim),
            None => self,
        }
    }

    fn known(self, supports_esim: bool, source: EsimSource) -> Self {
        Self { support: EsimSupport::of(supports_esim), source: Some(source), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gsim_is_asked_only_about_what_the_catalogue_does_not_have() {
        let version = DataVersion::default();
        let catalogue = |row| EsimAnswer::of_catalogue(version, row);
        let known = catalogue(Some((false, "list-A".parse().unwrap())));
        assert_eq!((known.support, known.support.is_known()), (EsimSupport::No, true));
        let unknown = catalogue(None);
        assert_eq!((unknown.support.is_known(), &unknown.source), (false, &None));
        assert_eq!(unknown.clone().or_of_gsim(None), unknown);
        let of_gsim = unknown.or_of_gsim(Some(true));
        assert_eq!((of_gsim.support, of_gsim.source), (EsimSupport::Yes, Some(EsimSource::Gsim)));
    }
}

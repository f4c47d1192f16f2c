//! The list of localities with their area codes, as a map, and the differences between two lists.

#[cfg(feature = "import")]
mod reading;

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::{Ddd, Malformed};
use crate::lists::{Changes, Count};

/// Anatel's code of a locality (`código nacional de localidade`), or another number that identifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cnl(i32);

impl FromStr for Cnl {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const MALFORMED: Malformed =
            Malformed { expected: "a locality's code: digits alone, up to 2147483647" };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let code = text.parse().map_err(|_| MALFORMED)?;
        if digits { Ok(Self(code)) } else { Err(MALFORMED) }
    }
}

impl std::fmt::Display for Cnl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The localities of Brazil with their area codes, free of faults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct DddData {
    /// The area code of each locality.
    pub localities: BTreeMap<Cnl, Ddd>,
}

/// The differences between two lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DddChanges {
    /// The changes of localities.
    pub localities: Changes<Cnl, Ddd>,
}

/// The counts of lines that an import changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DddSummary {
    /// The count for localities.
    pub localities: Count,
}

impl DddChanges {
    /// The changes that turn the list `kept` into the list `given`.
    #[must_use]
    pub fn between(kept: &DddData, given: &DddData) -> Self {
        Self { localities: Changes::between(&kept.localities, &given.localities) }
    }

    /// The counts of lines that change.
    #[must_use]
    pub fn summary(&self) -> DddSummary {
        DddSummary { localities: self.localities.count() }
    }
}

impl DddSummary {
    /// Whether anything changes.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.localities.is_change()
    }

    /// The name of the only kind, for people, and its count.
    #[must_use]
    pub fn kinds(&self) -> [(&'static str, Count); 1] {
        [("localities", self.localities)]
    }
}

#[cfg(all(test, feature = "import"))]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(bytes: &[u8]) -> Result<DddData, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.csv");
        std::fs::write(&path, bytes).unwrap();
        DddData::read(&path, |_| {}).map_err(|faults| faults.to_string())
    }

    #[test]
    fn a_list_is_read_with_names_and_without() {
        let bare = read(b"location_cnl,ddd\n11000,11\n21000,21\n").unwrap();
        assert_eq!(bare.localities[&Cnl(21_000)].as_str(), "21");
        let named =
            read("location_cnl,ddd,municipality,uf\n11000,11,São Paulo,SP\n21000,21,Rio,RJ\n".as_bytes());
        assert_eq!(named.unwrap(), bare);
    }

    #[test]
    fn every_fault_is_told_with_its_line() {
        let cases: [(&[u8], &[&str]); 5] = [
            (b"location_cnl,ddd\n", &["list.csv:2: it has no rows"]),
            (b"cnl,ddd\n1,11\n", &["list.csv:1: expected the headings location_cnl,ddd[,municipality,uf]"]),
            (
                b"location_cnl,ddd\n1,11\n1,12\n2,00\n",
                &["3: location_cnl 1 is already", "4: ddd: expected a DDD"],
            ),
            (
                b"location_cnl,ddd\n-1,11\n9999999999,11\n,11\n",
                &[":2: location_cnl", ":3: location_cnl", ":4: loc", "rows"],
            ),
            (b"location_cnl,ddd\n1,1", &["2: ddd: expected", "cut short"]),
        ];
        for (bytes, expected) in cases {
            let faults = read(bytes).expect_err(expected[0]);
            for part in expected {
                assert!(faults.contains(part), "{part:?} is not in {faults}");
            }
            assert_eq!(faults.lines().count(), expected.len() + 1, "{faults}");
        }
    }

    #[test]
    fn a_file_that_is_missing_is_told() {
        let faults = DddData::read(Path::new("/does/not/exist.csv"), |_| {}).unwrap_err().to_string();
        assert!(faults.contains("exist.csv: it cannot be read: entity not found"), "{faults}");
    }
}

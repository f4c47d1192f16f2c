//! Finds the catalogue's spelling of a device code.
//!
//! A phone, a shop or a person may write `sm-s931b/ds` for the catalogue's `SM-S931B`. A choice has one row and one hash, those
//! of the catalogue's spelling.

use std::sync::Arc;

use crate::domain::DeviceCode;

/// The codes of a catalogue with their keys, sorted by key.
pub(super) type Spellings = Arc<[(String, DeviceCode)]>;

/// Sorts codes for look-ups.
pub(super) fn spellings(codes: Vec<DeviceCode>) -> Spellings {
    let mut listed: Vec<_> = codes.into_iter().map(|code| (key(code.as_str()), code)).collect();
    listed.sort_unstable();
    listed.into()
}

/// A code in the catalogue's spelling. A code that the catalogue does not have only loses its suffix.
pub(super) fn catalogue_spelling(listed: &[(String, DeviceCode)], code: &DeviceCode) -> DeviceCode {
    let base = without_suffix(code);
    find(listed, code).or_else(|| find(listed, &base)).unwrap_or(base)
}

/// The code in the catalogue with the same key. Of several, it is the one with exactly this spelling, if there is one.
fn find(listed: &[(String, DeviceCode)], code: &DeviceCode) -> Option<DeviceCode> {
    let key = key(code.as_str());
    let first = listed.partition_point(|(other, _)| *other < key);
    let mut alike = listed[first..].iter().take_while(|(other, _)| *other == key).map(|(_, code)| code);
    alike.clone().find(|other| *other == code).or_else(|| alike.next()).cloned()
}

/// The key of a code. Codes that differ only in case, or in spaces at the ends, have the same key.
fn key(code: &str) -> String {
    code.trim().to_lowercase()
}

/// A code without the letters after a slash that say how many SIMs the device takes: `/DS`, `/DSN`.
fn without_suffix(code: &DeviceCode) -> DeviceCode {
    let is_suffix =
        |text: &str| (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    match code.as_str().rsplit_once('/') {
        Some((base, suffix)) if is_suffix(suffix) => base.parse().unwrap_or_else(|_| code.clone()),
        _ => code.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_spelled_as_the_catalogue_spells_it() {
        let exact = |code| DeviceCode::exact(code).unwrap();
        let listed = ["iPhone15,2", "SM-S931B", "SM-A1/X", "Twin", "TWIN", "SM-A9 "].map(exact).to_vec();
        let listed = spellings(listed);
        for (given, spelling) in [
            ("iPhone15,2", "iPhone15,2"),
            ("IPHONE15,2", "iPhone15,2"),
            ("sm-s931b/ds", "SM-S931B"),
            ("SM-S931B /DSN", "SM-S931B"),
            ("sm-a1/x", "SM-A1/X"),
            ("SM-A9", "SM-A9 "),
            ("Twin", "Twin"),
            ("TWIN", "TWIN"),
            ("SM-S931B/2024", "SM-S931B/2024"),
            ("Unknown/DS", "Unknown"),
            ("/DS", "/DS"),
        ] {
            assert_eq!(catalogue_spelling(&listed, &given.parse().unwrap()), exact(spelling), "{given}");
        }
    }
}

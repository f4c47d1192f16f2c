//! The TAC, which identifies a make of device, and the IMEI, which begins with one.
//!
//! An IMEI identifies one customer's device, so only its TAC is kept.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{Malformed, ascii, is_hidden, plain, serde_as_text};

/// A type allocation code: the eight digits that the GSMA gives to one make and model, and that every IMEI of it begins with
/// (GSMA TS.06, "IMEI Allocation and Approval Process").
///
/// ```
/// # use oss_core::Tac;
/// assert_eq!("35050556".parse::<Tac>()?.to_string(), "35050556");
/// assert!("3505055".parse::<Tac>().is_err());
/// # Ok::<(), oss_core::Malformed>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tac([u8; 8]);

impl Tac {
    /// The eight digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }
}

impl FromStr for Tac {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match <[u8; 8]>::try_from(text.as_bytes()) {
            Ok(digits) if digits.iter().all(u8::is_ascii_digit) => Ok(Self(digits)),
            _ => Err(Malformed { expected: "a TAC: 8 digits, the first of the IMEI" }),
        }
    }
}

impl fmt::Display for Tac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Tac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tac({self})")
    }
}

serde_as_text!(Tac, Tac::from_str);

/// The identity of one device: TAC, serial number and check digit, fifteen digits in all (GSMA TS.06; the check digit is
/// Luhn's, 3GPP TS 23.003 annex B).
///
/// The check digit may be left out, or be 0, which is how networks send it. It may also be replaced by the two digits of the
/// software's version (IMEISV). Only the TAC is kept.
///
/// ```
/// # use oss_core::Imei;
/// let imei: Imei = "35 050556 000000 6".parse()?;
/// assert_eq!(imei.tac().to_string(), "35050556");
/// assert!("350505560000003".parse::<Imei>().is_err());
/// # Ok::<(), oss_core::Malformed>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imei(Tac);

impl Imei {
    /// The TAC that it begins with.
    #[must_use]
    pub fn tac(self) -> Tac {
        self.0
    }
}

impl FromStr for Imei {
    type Err = Malformed;

    /// Reads 14, 15 or 16 digits. It skips separators, and the text after the slash that `*#06#` shows.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        const MALFORMED: Malformed = Malformed { expected: "an IMEI: 14, 15 or 16 digits (*#06# shows it)" };
        let text: String = text.chars().filter_map(plain).collect();
        let digits: String =
            without_version(&text).chars().filter(|char| !matches!(char, ' ' | '-' | '/' | '.')).collect();
        if digits.chars().any(is_hidden) {
            return Err(Malformed { expected: "an IMEI; this value contains an invisible character" });
        }
        if !(14..=16).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(MALFORMED);
        }
        if digits.len() == 15 && !digits.ends_with('0') && !luhn(digits.as_bytes()) {
            return Err(Malformed {
                expected: "an IMEI; the last of these 15 digits does not check the others",
            });
        }
        digits[..8].parse().map(Self).map_err(|_| MALFORMED)
    }
}

/// The text up to the slash before the software's version. The parts of an IMEI may have slashes between them too.
fn without_version(text: &str) -> &str {
    let ends_imei = |at: usize| {
        let digits = text[..at].bytes().filter(u8::is_ascii_digit).count();
        let next = text[at + 1..].split('/').next().unwrap_or_default().trim();
        digits > 14 || digits == 14 && next.len() != 1
    };
    text.match_indices('/').find(|(at, _)| ends_imei(*at)).map_or(text, |(at, _)| &text[..at])
}

/// Whether the last digit is the check digit of the others (Luhn): double every second digit from the right and add up all
/// digits; the sum is a multiple of ten.
pub(in crate::domain) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, byte)| {
            let doubled = u32::from(byte - b'0') * if at % 2 == 1 { 2 } else { 1 };
            doubled / 10 + doubled % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_is_no_tac() {
        for text in
            ["", "3505055", "350505566", "3505055x", " 35050556", "35-050556", "३5050556", "350505560000002"]
        {
            assert!(text.parse::<Tac>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_imei_is_taken_as_people_write_it() {
        // The worked examples of public descriptions of the check digit.
        for (text, tac) in [
            ("490154203237518", "49015420"),
            ("49-015420-323751-8", "49015420"),
            ("35/209900/176148/1", "35209900"),
            ("35/209900/176148/1/01", "35209900"),
        ] {
            assert_eq!(text.parse::<Imei>().unwrap().tac().as_str(), tac, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_imei() {
        for text in [
            "",
            "49015420",
            "4901542032375",
            "490154203237517",
            "49015420323751801",
            "49015420323751x",
            "35/209900/176148/2/01",
            "35/209900/176148/2",
        ] {
            assert!(text.parse::<Imei>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn display_and_parse_agree(digits in "[0-9]{8}") {
            let tac: Tac = digits.parse().unwrap();
            prop_assert_eq!((tac.to_string(), format!("{tac:?}")), (digits.clone(), format!("Tac({digits})")));
        }

        #[test]
        fn one_check_digit_in_ten_is_right(digits in "[0-9]{14}") {
            let right = (0..10).filter(|check| luhn(format!("{digits}{check}").as_bytes()));
            prop_assert_eq!(right.count(), 1);
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in ".*") {
            let _ = text.parse::<Tac>();
            let _ = text.parse::<Imei>();
        }
    }
}

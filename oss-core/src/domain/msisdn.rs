//! Phone numbers and area codes, and the masked form of a number.
//!
//! They are parsed once, at the edge; inside the crate no number is bare text.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::text::{is_hidden, plain};

/// A value that did not have the form its type asks for.
///
/// It never repeats the value: what was typed may be a customer's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct Malformed {
    /// The form that was expected, as words that follow "expected", with the reason if the parser knows it.
    pub expected: &'static str,
}

/// A Brazilian area code (`código nacional`): two digits, each from 1 to 9.
///
/// The form is that of Anatel's numbering regulation (Resolução 749/2022). [`Oss::ddd_exists`](crate::Oss::ddd_exists) says
/// whether an area code is in use.
///
/// ```
/// # use oss_core::Ddd;
/// assert_eq!("11".parse::<Ddd>()?.to_string(), "11");
/// assert!("1a".parse::<Ddd>().is_err());
/// # Ok::<(), oss_core::Malformed>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ddd([u8; 2]);

impl Ddd {
    /// The two digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }
}

impl FromStr for Ddd {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text.as_bytes() {
            &[a @ b'0'..=b'9', b @ b'0'..=b'9'] => Ok(Self([a, b])),
            _ => Err(Malformed { expected: "a DDD: two digits, for example 11" }),
        }
    }
}

impl fmt::Display for Ddd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Ddd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ddd({self})")
    }
}

/// A Brazilian mobile number in national form: area code, `9`, eight digits.
///
/// `parse` reads what people write and paste. serde reads only the eleven digits, as [`Msisdn::exact`] does.
///
/// `Display` gives the eleven digits, for answers to the caller who reserved the number and for the wire. `Debug` masks, so
/// that a number never reaches a log by way of a derived `Debug`.
///
/// ```
/// # use oss_core::Msisdn;
/// let number: Msisdn = "+55 (11) 99995-0001".parse()?;
/// assert_eq!(number.to_string(), "11999950001");
/// assert_eq!(number.masked().to_string(), "(11) 9****-0001");
/// assert_eq!(format!("{number:?}"), "Msisdn((11) 9****-0001)");
/// # Ok::<(), oss_core::Malformed>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Msisdn([u8; 11]);

impl Msisdn {
    /// The eleven digits. For the wire and the store; a log takes [`Msisdn::masked`].
    #[must_use]
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }

    /// The area code the number belongs to.
    #[must_use]
    pub fn ddd(&self) -> Ddd {
        Ddd([self.0[0], self.0[1]])
    }

    /// The number as a customer who has not reserved it may see it.
    #[must_use]
    pub fn masked(&self) -> MaskedMsisdn {
        MaskedMsisdn { ddd: self.ddd(), last: [self.0[7], self.0[8], self.0[9], self.0[10]] }
    }
}

/// The error of a text that is no mobile number, with the reason.
macro_rules! no_mobile_number {
    ($why:literal) => {
        Malformed {
            expected: concat!("a mobile number: DDD, 9 and eight digits, for example 11999950001; ", $why),
        }
    };
}

impl Msisdn {
    /// Reads the eleven digits and no other form.
    ///
    /// Databases and Sigan have one form for each number. A key of theirs in another form is another key, even if a person
    /// would read it as the same number.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for any other text.
    pub fn exact(text: &str) -> Result<Self, Malformed> {
        match <[u8; 11]>::try_from(text.as_bytes()) {
            Ok(digits) if is_mobile(&digits) => Ok(Self(digits)),
            _ => Err(no_mobile_number!("only its eleven digits are read here")),
        }
    }
}

impl FromStr for Msisdn {
    type Err = Malformed;

    /// Reads every form that can mean only one number: with `+55`, `0055` or `55`, with the trunk zero and a carrier code
    /// (`0 15 11 …`), with `tel:`, separators, full-width digits and invisible marks. Eleven digits are always DDD and number,
    /// so that DDD 55 is not taken for the country.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let written =
            text.chars().filter_map(plain).filter(|char| !matches!(char, ' ' | '(' | ')' | '-' | '.'));
        let written: String = written.map(|char| char.to_ascii_lowercase()).collect();
        let dialled = written.strip_prefix("tel:").unwrap_or(&written);
        let (is_international, digits) = match dialled.strip_prefix('+') {
            Some(digits) => (true, digits),
            None => (false, dialled),
        };
        if digits.chars().any(is_hidden) {
            return Err(no_mobile_number!("this value contains an invisible character"));
        }
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(no_mobile_number!(
                "this value contains a character that is neither a digit nor a separator"
            ));
        }
        let national = without_trunk(without_country(digits, is_international)?);
        match <[u8; 11]>::try_from(national.as_bytes()) {
            Ok(digits) if is_mobile(&digits) => Ok(Self(digits)),
            _ => Err(refusal(national.as_bytes())),
        }
    }
}

/// Whether eleven bytes are DDD, 9 and eight digits.
fn is_mobile(digits: &[u8; 11]) -> bool {
    matches!(digits, [b'1'..=b'9', b'1'..=b'9', b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit))
}

/// The digits after the country code. Without a sign before it, `55` is the country only if the digits are too many for a
/// number of DDD 55.
fn without_country(digits: &str, is_international: bool) -> Result<&str, Malformed> {
    const LONGEST_NATIONAL: usize = 12;
    let international = if is_international { Some(digits) } else { digits.strip_prefix("00") };
    match (international, digits.strip_prefix("55")) {
        (Some(international), _) => international
            .strip_prefix("55")
            .ok_or(no_mobile_number!("this value has a country code other than 55 after + or 00")),
        (None, Some(national)) if digits.len() > LONGEST_NATIONAL => Ok(national),
        (None, _) => Ok(digits),
    }
}

/// The digits after the trunk zero, and after the two digits of the carrier that may follow it.
fn without_trunk(digits: &str) -> &str {
    match (digits.as_bytes(), digits.len()) {
        ([b'0', ..], 12) => &digits[1..],
        ([b'0', b'1'..=b'9', ..], 14) => &digits[3..],
        _ => digits,
    }
}

/// Why digits without country and trunk zero are no mobile number.
fn refusal(digits: &[u8]) -> Malformed {
    match (digits, digits.len()) {
        ([b'0', b'3' | b'5' | b'8' | b'9', b'0', b'0', ..], _) => {
            no_mobile_number!("a number such as 0800 is not a mobile number")
        }
        ([b'1'..=b'9', b'1'..=b'9', b'2'..=b'5', ..], 10) => no_mobile_number!("this is a land line"),
        (_, ..=10) => no_mobile_number!("this value has too few digits"),
        (_, 12..) => no_mobile_number!("this value has too many digits"),
        ([b'1'..=b'9', b'1'..=b'9', ..], _) => no_mobile_number!("the digit after the DDD is not 9"),
        _ => no_mobile_number!("the first two digits are not a DDD"),
    }
}

impl fmt::Display for Msisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Msisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Msisdn({})", self.masked())
    }
}

/// A number of which only the area code and the last four digits are shown: `(11) 9****-0001`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MaskedMsisdn {
    ddd: Ddd,
    last: [u8; 4],
}

impl fmt::Display for MaskedMsisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}) 9****-{}", self.ddd, ascii(&self.last))
    }
}

impl fmt::Debug for MaskedMsisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MaskedMsisdn {
    type Err = Malformed;

    /// Reads the form that `Display` gives, and no other.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let parts = text.strip_prefix('(').and_then(|rest| rest.split_once(") 9****-"));
        let masked = parts.and_then(|(ddd, last)| {
            let last =
                <[u8; 4]>::try_from(last.as_bytes()).ok().filter(|last| last.iter().all(u8::is_ascii_digit));
            Some(Self { ddd: ddd.parse().ok()?, last: last? })
        });
        masked.ok_or(Malformed { expected: "a masked number, for example (11) 9****-0001" })
    }
}

/// Serialises a type by its text, and reads it with the function `$read`. What a program wrote, unlike what a person typed, has one
/// form, so a type that a person may write in several ways is read exactly.
macro_rules! serde_as_text {
    ($name:ty, $read:path) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                $read(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use serde_as_text;

serde_as_text!(Ddd, Ddd::from_str);
serde_as_text!(Msisdn, Msisdn::exact);
serde_as_text!(MaskedMsisdn, MaskedMsisdn::from_str);

/// The text of digits.
pub(crate) fn ascii(digits: &[u8]) -> &str {
    // The constructors let only ASCII digits in, so this cannot fail.
    std::str::from_utf8(digits).expect("digits are ASCII")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_is_no_mobile_number() {
        for (text, why) in [
            ("", "too few"),
            ("1199995000", "too few"),
            ("0800 123 4567", "0800"),
            ("0300 123 4567", "0800"),
            ("11 3333-4444", "land line"),
            ("119999500011", "too many"),
            ("11899950001", "not 9"),
            ("01999950001", "not a DDD"),
            ("10999950001", "not a DDD"),
            ("15 11 99995-0001", "too many"),
            ("55 11 9999-5000", "too many"),
            ("+1 11999950001", "country code"),
            ("0011999950001", "country code"),
            ("11 9999x0001", "neither a digit"),
            ("१1999950001", "neither a digit"),
            ("+55+5511999950001", "neither a digit"),
            ("11999950001\0", "invisible"),
        ] {
            let refused = text.parse::<Msisdn>().unwrap_err();
            assert!(refused.expected.contains(why), "{text:?}: {refused}");
        }
    }

    #[test]
    fn a_number_is_masked_in_debug_and_whole_in_display() {
        let number: Msisdn = "11999950001".parse().unwrap();
        assert_eq!(format!("{number:?}"), "Msisdn((11) 9****-0001)");
        assert_eq!(format!("{:?}", number.masked()), "(11) 9****-0001");
        assert_eq!(format!("{:?}", number.ddd()), "Ddd(11)");
        assert_eq!((number.to_string().as_str(), number.as_str()), ("11999950001", "11999950001"));
        assert_eq!((number.ddd().to_string().as_str(), number.ddd().as_str()), ("11", "11"));
        assert_eq!(format!("{number:>13}|{:>4}", number.ddd()), "  11999950001|  11");
    }

    #[test]
    fn a_program_writes_eleven_digits_and_nothing_else() {
        assert!(Msisdn::exact("11999950001").is_ok());
        assert!(serde_json::from_str::<Msisdn>("\"11999950001\"").is_ok());
        for text in [" 11999950001", "5511999950001", "１1999950001", "11899950001", "2133334444"] {
            assert!(Msisdn::exact(text).is_err(), "{text}");
            assert!(serde_json::from_value::<Msisdn>(text.into()).is_err(), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_area_code() {
        for text in ["", "1", "111", "1a", " 11", "१1"] {
            assert!(text.parse::<Ddd>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn display_and_parse_agree(number in "[1-9]{2}9[0-9]{8}") {
            let parsed: Msisdn = number.parse().unwrap();
            prop_assert_eq!(parsed.to_string(), number.clone());
            for prefix in ["+55 ", "55", "0055", "0", "015", "+55 0"] {
                prop_assert_eq!(format!("{prefix}{parsed}").parse::<Msisdn>().unwrap(), parsed);
            }
            prop_assert_eq!(parsed.masked().to_string().parse(), Ok(parsed.masked()));
            let debug = format!("{parsed:?}");
            prop_assert!(!debug.contains(&number));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in ".*") {
            let _ = text.parse::<Msisdn>();
            let _ = text.parse::<Ddd>();
            let _ = text.parse::<MaskedMsisdn>();
        }
    }
}

//! What a phone number and an area code are, and how a number is shown to those who may not see it.
//!
//! Parsed once, at the edge; inside the crate there is no bare text. Knows nothing of who holds a number.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// A value that did not have the form its type asks for.
///
/// It never repeats the value: what was typed may be a customer's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct Malformed {
    /// The form that was expected, as words to follow "expected".
    pub expected: &'static str,
}

/// A Brazilian area code (`código nacional`): two digits, each from 1 to 9.
///
/// The shape is that of Anatel's numbering regulation (Resolução 749/2022). Whether the area code is in use is another
/// question, answered by [`Oss::ddd_exists`](crate::Oss::ddd_exists).
///
/// ```
/// # use oss_core::Ddd;
/// assert_eq!("11".parse::<Ddd>()?.to_string(), "11");
/// assert!("00".parse::<Ddd>().is_err());
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
            &[a @ b'1'..=b'9', b @ b'1'..=b'9'] => Ok(Self([a, b])),
            _ => Err(Malformed { expected: "a DDD: two digits from 1 to 9, for example 11" }),
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

impl FromStr for Msisdn {
    type Err = Malformed;

    /// Reads eleven national digits. A leading `+55`, spaces, brackets and dashes are passed over.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        const MALFORMED: Malformed =
            Malformed { expected: "a mobile number: DDD, 9 and eight digits, for example 11999950001" };
        let text = text.trim();
        let national = text.strip_prefix("+55").unwrap_or(text);
        let mut digits = [0; 11];
        let written = national.bytes().filter(|byte| !matches!(byte, b' ' | b'(' | b')' | b'-'));
        for (position, byte) in written.enumerate() {
            *digits.get_mut(position).ok_or(MALFORMED)? = byte;
        }
        match digits {
            [b'1'..=b'9', b'1'..=b'9', b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
                Ok(Self(digits))
            }
            _ => Err(MALFORMED),
        }
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

impl Serialize for MaskedMsisdn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Serialises a type by its text, and reads it through its parser.
macro_rules! serde_as_text {
    ($($name:ty),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

pub(crate) use serde_as_text;

serde_as_text!(Ddd, Msisdn);

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
    fn accepts_what_people_write() {
        for text in
            ["11999950001", "+5511999950001", "+55 11 99995-0001", "(11) 99995-0001", " 11 9 9995 0001 "]
        {
            assert_eq!(text.parse::<Msisdn>().unwrap().as_str(), "11999950001", "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_mobile_number() {
        for text in [
            "",
            "1199995000",
            "119999500011",
            "11899950001",
            "01999950001",
            "10999950001",
            "5511999950001",
            "+1 11999950001",
            "11 9999x0001",
            "१1999950001",
            "+55+5511999950001",
        ] {
            assert!(text.parse::<Msisdn>().is_err(), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_area_code() {
        for text in ["", "1", "00", "01", "10", "111", "1a", " 11", "१1"] {
            assert!(text.parse::<Ddd>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn display_and_parse_agree(number in "[1-9]{2}9[0-9]{8}") {
            let parsed: Msisdn = number.parse().unwrap();
            prop_assert_eq!(parsed.to_string(), number.clone());
            prop_assert_eq!(format!("+55 {parsed}").parse::<Msisdn>().unwrap(), parsed);
            let debug = format!("{parsed:?}");
            prop_assert!(!debug.contains(&number));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in ".*") {
            let _ = text.parse::<Msisdn>();
            let _ = text.parse::<Ddd>();
        }
    }
}

//! The names in the catalogue: a type for each kind of name, so that one cannot be passed in place of another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{Uuid, uuid};

use crate::domain::{Malformed, serde_as_text, trimmed, uuid_id};

/// Declares a name that is a text.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $allowed:expr) => {
        name! { $(#[$doc])* $name, $expected, $allowed, std::convert::identity }
    };
    ($(#[$doc:meta])* $name:ident, $expected:literal, $allowed:expr, $tidy:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Reads a text that a program wrote, exactly as it is.
            pub(crate) fn exact(text: &str) -> Result<Self, Malformed> {
                let allowed: fn(&str) -> bool = $allowed;
                if allowed(text) { Ok(Self(text.into())) } else { Err(Malformed { expected: $expected }) }
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                Self::exact($tidy(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        serde_as_text!($name, $name::exact);
    };
}

name! {
    /// A maker's name for a make of device: an Apple identifier (`iPhone15,2`) or an Android model code (`SM-S931B`).
    ///
    /// `parse` leaves out spaces and invisible characters around it. It accepts every spelling:
    /// [`Oss::check_esim`](crate::Oss::check_esim) ignores case and suffixes such as `/DS`.
    DeviceCode, "a device code, such as iPhone15,2: 1 to 128 characters", short, trimmed
}

name! {
    /// Our name for a model: `SAMSUNG_GALAXY_S25`.
    DeviceModelId, "a device model, such as SAMSUNG_GALAXY_S25: 1 to 128 characters", short
}

name! {
    /// A name for people: `Galaxy S25`.
    DisplayName, "a name of 1 to 128 characters", short
}

name! {
    /// The source of a line of the catalogue. It may be empty.
    Source, "a source of up to 255 characters", |text| is_text(text, 255)
}

name! {
    /// The name of a brand in addresses and files: `planet-computers`.
    BrandSlug, "a brand's slug: 1 to 64 of a-z, 0-9 and dashes", |text| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=64).contains(&text.len()) && text.bytes().all(allowed)
    }
}

/// The width of the columns.
fn short(text: &str) -> bool {
    !text.trim().is_empty() && is_text(text, 128)
}

/// Control characters are refused: they can forge a line of a log or of a terminal.
fn is_text(text: &str, longest: usize) -> bool {
    text.chars().count() <= longest && !text.chars().any(char::is_control)
}

uuid_id! {
    /// A brand, as our callers know it.
    DeviceBrandId
}

impl DeviceBrandId {
    /// The namespace in which the ids are derived, our own (RFC 9562, section 5.5).
    const NAMESPACE: Uuid = uuid!("c14e49b0-2b87-4aa0-bee1-e227d961e1c0");

    /// The id of a brand: the UUID version 5 of its slug, so that it is the same on every installation, and after every
    /// import.
    #[must_use]
    pub fn of(slug: &BrandSlug) -> Self {
        Uuid::new_v5(&Self::NAMESPACE, slug.as_str().as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_id_of_a_brand_is_always_the_same() {
        // Computed with Python's uuid.uuid5.
        for (slug, id) in [
            ("samsung", "382b5349-40fd-5820-8dca-ce1baa10d8c8"),
            ("planet-computers", "fed9cb1a-c86d-557e-9af7-7f0537ccb3ac"),
        ] {
            assert_eq!(DeviceBrandId::of(&slug.parse().unwrap()).to_string(), id);
        }
    }

    #[test]
    fn a_name_is_what_a_column_holds() {
        let (long, longer) = ("ã".repeat(128), "ã".repeat(129));
        for text in ["", "  ", "a\0", "a\nb", longer.as_str()] {
            assert!(text.parse::<DeviceCode>().is_err(), "{text:?}");
            assert!(text.parse::<DeviceModelId>().is_err(), "{text:?}");
        }
        for text in ["iPhone15,2", "Redmi Note 8 (2021)", "L'original", long.as_str()] {
            assert_eq!(text.parse::<DeviceCode>().unwrap().as_str(), text);
        }
        assert_eq!("\u{feff} SM-S931B\t".parse::<DeviceCode>().unwrap().as_str(), "SM-S931B");
        assert_eq!(
            DeviceCode::exact("SM-S931B ").unwrap().as_str(),
            "SM-S931B ",
            "as another program wrote it"
        );
        for text in ["", "Samsung", "a_b", "a b"] {
            assert!(text.parse::<BrandSlug>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn display_and_parse_agree(text in ".{0,130}") {
            if let Ok(code) = text.parse::<DeviceCode>() {
                prop_assert_eq!(code.to_string(), trimmed(&text));
            }
        }
    }
}

//! The identifiers. Each has a type of its own, so that none can be given in the place of another.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::msisdn::Malformed;
use super::text::is_visible_text;

/// Declares an identifier that is a UUID.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The identifier as the UUID it is.
            #[must_use]
            pub fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                Uuid::try_parse(text).map(Self).map_err(|_| Malformed { expected: "a UUID" })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// Declares an identifier that is a UUID, and that this program makes.
macro_rules! own_uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        uuid_id! { $(#[$doc])* $name }

        impl $name {
            /// A new identifier. Version 7, so that rows made together lie together.
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }
    };
}

pub(crate) use {own_uuid_id, uuid_id};

own_uuid_id! {
    /// A pre-reservation of three numbers, as our callers know it.
    PreviewId
}

own_uuid_id! {
    /// One attempt to hold one number in Sigan.
    ReservationId
}

own_uuid_id! {
    /// A SIM. It is also the id of the order that got it, and our reference for it at GSIM.
    SimId
}

own_uuid_id! {
    /// One call to Sigan or GSIM.
    CallId
}

uuid_id! {
    /// A customer's subscription, as the service that sells it knows it. It has one number and one SIM at a time.
    LineId
}

/// Declares an identifier that another party chose, and that travels in paths and columns. `$is_valid` says which texts it may
/// have. Cheap to clone: every request carries the names of its client and its brand.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $is_valid:path, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                if $is_valid(text) { Ok(Self(text.into())) } else { Err(Malformed { expected: $expected }) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = Malformed;

            fn try_from(text: String) -> Result<Self, Malformed> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// Sigan's own name for a pre-reservation. Never used twice (see [`crate::sigan`]).
    ExternalId, is_external_id, "an identifier of Sigan: 1 to 64 visible characters, but not `.` or `..`"
}

text_id! {
    /// The brand of virtual operator on whose behalf Sigan holds a number.
    BrandId, is_token, "a brand id: 1 to 64 letters, digits, dashes or underscores"
}

impl BrandId {
    /// The brand of data from before there were brands.
    pub(crate) fn of_older_data() -> Self {
        Self(super::tenant::OLDER_BRAND.into())
    }
}

text_id! {
    /// The name of a client. It separates the idempotency keys of one client from those of another.
    ClientName, is_token, "a client's name: 1 to 64 letters, digits, dashes or underscores"
}

fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

/// `.` and `..` are steps of a path and not names in it, even if they are percent-encoded (WHATWG URL, 4.4), so a hold under
/// such a name could never be named to Sigan.
fn is_external_id(text: &str) -> bool {
    is_visible_text(text, 64) && text.trim() == text && !matches!(text, "." | "..")
}

const NO_INDEX: Malformed = Malformed { expected: "an index from 1 to 3" };

/// The index of the chosen number of a preview: 1, 2 or 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Choice(u8);

impl Choice {
    /// The choices a preview offers, in order.
    pub const ALL: [Self; 3] = [Self(1), Self(2), Self(3)];

    /// The choice as a number from 1 to 3.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Choice {
    type Error = Malformed;

    fn try_from(index: u8) -> Result<Self, Malformed> {
        Self::ALL.into_iter().find(|choice| choice.0 == index).ok_or(NO_INDEX)
    }
}

impl From<Choice> for u8 {
    fn from(choice: Choice) -> Self {
        choice.0
    }
}

impl FromStr for Choice {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::ALL.into_iter().find(|choice| choice.to_string() == text).ok_or(NO_INDEX)
    }
}

/// The index of a number, as a caller names it: any integer. Only some have a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index(Option<Choice>);

impl Index {
    /// The choice that it names; none if no preview has a number with this index.
    #[must_use]
    pub fn choice(self) -> Option<Choice> {
        self.0
    }
}

impl FromStr for Index {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NO_INDEX);
        }
        Ok(Self(text.parse().ok()))
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_external_id_is_visible_and_has_a_path_segment_of_its_own() {
        for text in ["", " ", "a ", ".", "..", "a\r\nb", "a\u{200b}", &"x".repeat(65)] {
            assert!(text.parse::<ExternalId>().is_err(), "{text:?}");
        }
        for text in ["PR-0001_a", "OLD.4:x", "../x", "a%2eb", "OLD 3/ç", &"ç".repeat(64)] {
            assert_eq!(text.parse::<ExternalId>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_choice_is_one_of_three() {
        for text in ["0", "4", "-1", "01", "one", ""] {
            assert!(text.parse::<Choice>().is_err(), "{text}");
        }
        for (text, choice) in ["1", "2", "3"].into_iter().zip(Choice::ALL) {
            assert_eq!((text.parse(), choice.to_string().as_str()), (Ok(choice), text));
            assert_eq!((u8::from(choice), choice.get().to_string().as_str()), (choice.get(), text));
            assert_eq!(Choice::try_from(choice.get()), Ok(choice));
        }
        assert!([0, 4].into_iter().all(|index| Choice::try_from(index).is_err()));
    }

    #[test]
    fn a_token_is_letters_digits_dashes_and_underscores() {
        for text in ["", "a b", "a.b", "ç", &"x".repeat(65)] {
            assert!(text.parse::<BrandId>().is_err(), "{text:?}");
        }
        for text in ["a", "Z9", "-", "_", "a-b_c", &"x".repeat(64)] {
            assert_eq!(text.parse::<BrandId>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn an_index_is_an_integer() {
        for (text, choice) in [("1", Some(1)), ("3", Some(3)), ("0", None), ("9", None), ("-1", None)] {
            assert_eq!(text.parse::<Index>().unwrap().choice().map(Choice::get), choice, "{text}");
        }
        assert_eq!("9".repeat(40).parse::<Index>().unwrap().choice(), None);
        for text in ["", "-", "one", "1.0", "+1", "1 ", "१"] {
            assert!(text.parse::<Index>().is_err(), "{text}");
        }
    }
}

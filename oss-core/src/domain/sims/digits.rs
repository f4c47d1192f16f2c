//! The long digit strings that identify SIMs and devices.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Serialize, Serializer};

use super::{MalformedAt, TextFault};
use crate::domain::{ascii, plain};

/// The form of an identifier of digits.
pub(super) struct Form {
    /// The form, as words that follow "expected".
    pub(super) expected: &'static str,
    /// The digits that every such identifier begins with.
    pub(super) prefix: &'static str,
    pub(super) lengths: RangeInclusive<usize>,
}

impl Form {
    /// Reads the digits of a text. It skips the spaces and dashes between groups, and marks that cannot be seen.
    pub(super) fn read(&self, text: &str) -> Result<Box<str>, MalformedAt> {
        let mut digits = String::new();
        for (char, position) in text.chars().zip(1..) {
            match plain(char) {
                None | Some(' ' | '-') => {}
                Some(digit) if self.allows(digit, digits.len()) => digits.push(digit),
                Some(_) => return Err(self.error(TextFault::Character(position))),
            }
        }
        if self.lengths.contains(&digits.len()) {
            Ok(digits.into())
        } else {
            Err(self.error(TextFault::Length(digits.len())))
        }
    }

    /// Whether a character may stand after `before` digits.
    fn allows(&self, char: char, before: usize) -> bool {
        match self.prefix.chars().nth(before) {
            Some(prefix) => char == prefix,
            None => char.is_ascii_digit(),
        }
    }

    pub(super) fn error(&self, fault: TextFault) -> MalformedAt {
        MalformedAt { expected: self.expected, fault }
    }
}

/// An identifier of which only the last four digits are shown: `****9011`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MaskedDigits([u8; 4]);

impl MaskedDigits {
    pub(super) fn of(digits: &str) -> Self {
        Self(*digits.as_bytes().last_chunk().unwrap_or(b"****"))
    }
}

impl fmt::Display for MaskedDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "****{}", ascii(&self.0))
    }
}

impl fmt::Debug for MaskedDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for MaskedDigits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Declares an identifier of digits. `$read` reads its text.
macro_rules! digits_id {
    ($(#[$doc:meta])* $name:ident, $read:path) => {
        $(#[$doc])*
        ///
        /// `Display` gives all digits, for the wire and the store. `Debug` masks.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// All digits. For the wire and the store; a log takes [`Self::masked`].
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The last four digits, for logs.
            #[must_use]
            pub fn masked(&self) -> MaskedDigits {
                MaskedDigits::of(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = MalformedAt;

            fn from_str(text: &str) -> Result<Self, MalformedAt> {
                $read(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.masked())
            }
        }

        serde_as_text!($name, $name::from_str);
    };
}

pub(super) use digits_id;

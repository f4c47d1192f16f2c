//! The error of an identifier that is too long to compare by eye: it says where the text is wrong.

use std::fmt;

/// A value that did not have the form its type asks for, and the place of the fault.
///
/// As [`Malformed`](crate::Malformed), it never repeats the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}; {fault}")]
pub struct MalformedAt {
    /// The form that was expected, as words that follow "expected".
    pub expected: &'static str,
    /// The first fault.
    pub fault: TextFault,
}

impl MalformedAt {
    /// The error of a longer text that has so many characters before this one.
    pub(super) fn after(self, before: usize) -> Self {
        match self.fault {
            TextFault::Character(position) => Self { fault: TextFault::Character(before + position), ..self },
            TextFault::Length(_) | TextFault::CheckDigits => self,
        }
    }
}

/// The first fault of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFault {
    /// The character at this position, counted from 1, is wrong. If the text ends too early, it is the position after the last.
    Character(usize),
    /// The text has this many digits or characters, separators not counted.
    Length(usize),
    /// The check digits do not fit the others.
    CheckDigits,
}

impl fmt::Display for TextFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(position) => write!(f, "this value is wrong at character {position}"),
            Self::Length(length) => write!(f, "this value has {length}"),
            Self::CheckDigits => f.write_str("the last two digits of this value do not check the others"),
        }
    }
}

//! The scopes that a client may have.

use std::fmt;
use std::str::FromStr;

use crate::domain::Malformed;

/// A permission of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Preview and reserve numbers.
    NumbersReserve,
    /// Release numbers.
    NumbersRelease,
    /// Put numbers on lines.
    NumbersAssign,
    /// See numbers, and look up DDDs.
    NumbersRead,
    /// See devices, and ask whether they support eSIM.
    DevicesRead,
    /// Sweep, and read metrics.
    Operations,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 6] = [
        Self::NumbersReserve,
        Self::NumbersRelease,
        Self::NumbersAssign,
        Self::NumbersRead,
        Self::DevicesRead,
        Self::Operations,
    ];

    /// Its name in the configuration and in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NumbersReserve => "numbers:reserve",
            Self::NumbersRelease => "numbers:release",
            Self::NumbersAssign => "numbers:assign",
            Self::NumbersRead => "numbers:read",
            Self::DevicesRead => "devices:read",
            Self::Operations => "operations",
        }
    }
}

impl FromStr for Scope {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or(Malformed {
            expected: "numbers:reserve, numbers:release, numbers:assign, numbers:read, devices:read or operations",
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_by_its_name_alone() {
        for scope in Scope::ALL {
            assert_eq!(scope.name().parse(), Ok(scope));
        }
        let expected = "numbers".parse::<Scope>().unwrap_err().expected;
        assert!(Scope::ALL.iter().all(|scope| expected.contains(scope.name())), "{expected}");
    }
}

//! The scopes that a client may have.

use strum::{Display, EnumCount, EnumString, IntoStaticStr, VariantArray};

use crate::domain::{Malformed, every};

/// A permission of a client.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumCount, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(parse_err_ty = Malformed, parse_err_fn = no_scope)]
pub enum Scope {
    /// Preview and reserve numbers.
    #[strum(serialize = "numbers:reserve")]
    NumbersReserve,
    /// Release numbers.
    #[strum(serialize = "numbers:release")]
    NumbersRelease,
    /// Put numbers on lines.
    #[strum(serialize = "numbers:assign")]
    NumbersAssign,
    /// See numbers, and look up DDDs.
    #[strum(serialize = "numbers:read")]
    NumbersRead,
    /// See devices, and ask whether they support eSIM.
    #[strum(serialize = "devices:read")]
    DevicesRead,
    /// Order, activate and replace SIMs, and end lines.
    #[strum(serialize = "sims:order")]
    SimsOrder,
    /// See SIMs, and which SIMs a number was on.
    #[strum(serialize = "sims:read")]
    SimsRead,
    /// Read activation codes. Whoever has a code can take the line.
    #[strum(serialize = "sims:activate")]
    SimsActivate,
    /// Report on the profiles of eSIMs, as GSIM does.
    #[strum(serialize = "gsim:notify")]
    GsimNotify,
    /// Read the events of the brand.
    #[strum(serialize = "events:read")]
    EventsRead,
    /// Sweep, and read metrics.
    #[strum(serialize = "operations")]
    Operations,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; Self::COUNT] = every(Self::VARIANTS);

    /// Its name in the configuration and in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

fn no_scope(_: &str) -> Malformed {
    Malformed {
        expected: "numbers:reserve, numbers:release, numbers:assign, numbers:read, devices:read, sims:order, sims:read, \
                   sims:activate, gsim:notify, events:read or operations",
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

//! The life of an eSIM profile, as GSIM reports it.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumCount, EnumString, IntoStaticStr, VariantArray};

use crate::domain::{Malformed, every};

/// How far the profile of an eSIM has come (after the states of GSMA SGP.22, 3.1).
///
#[doc = include_str!("profile.md")]
///
/// A call-back of GSIM can be lost, or arrive after a later one. So a profile may jump forward over states, and never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[derive(Display, EnumCount, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", parse_err_ty = Malformed, parse_err_fn = no_state)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(description = "How far the profile of an eSIM has come"))]
pub enum ProfileState {
    /// It can be downloaded.
    Released,
    /// A phone has downloaded it.
    Downloaded,
    /// It is on the phone's chip.
    Installed,
    /// It is switched on.
    Enabled,
    /// It is switched off, and still on the chip.
    Disabled,
    /// It was deleted, by the customer or by us.
    Deleted,
    /// It could not be downloaded or installed, and cannot be used any more.
    Error,
}

fn no_state(_: &str) -> Malformed {
    Malformed { expected: "a state of a profile" }
}

impl ProfileState {
    /// Every state.
    pub const ALL: [Self; Self::COUNT] = every(Self::VARIANTS);

    /// The word for the state in the store, on the wire and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether the profile may go from this state to `next`, directly or by a jump. No state may become itself: a repeated report
    /// changes nothing.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Released => !matches!(next, Self::Released),
            Self::Downloaded => !matches!(next, Self::Released | Self::Downloaded),
            Self::Installed => matches!(next, Self::Enabled | Self::Disabled | Self::Deleted),
            Self::Enabled => matches!(next, Self::Disabled | Self::Deleted),
            Self::Disabled => matches!(next, Self::Enabled | Self::Deleted),
            Self::Deleted | Self::Error => false,
        }
    }

    /// Whether the profile was installed, or has come further: its activation code has no more use.
    #[must_use]
    pub const fn is_installed(self) -> bool {
        matches!(self, Self::Installed | Self::Enabled | Self::Disabled | Self::Deleted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transitions_are_those_of_the_diagram() {
        // Each row is a state, each column the next one, in the order of the states.
        let diagram = [
            ("RELEASED", ".xxxxxx"),
            ("DOWNLOADED", "..xxxxx"),
            ("INSTALLED", "...xxx."),
            ("ENABLED", "....xx."),
            ("DISABLED", "...x.x."),
            ("DELETED", "......."),
            ("ERROR", "......."),
        ];
        assert_eq!(ProfileState::ALL.map(ProfileState::as_str), diagram.map(|(state, _)| state));
        for (state, row) in ProfileState::ALL.into_iter().zip(diagram.map(|(_, row)| row)) {
            for (next, drawn) in ProfileState::ALL.into_iter().zip(row.chars()) {
                assert_eq!(state.may_become(next), drawn == 'x', "{state} {next}");
            }
        }
    }

    #[test]
    fn a_state_is_the_word_that_is_stored() {
        for state in ProfileState::ALL {
            assert_eq!((state.as_str().parse(), state.to_string().as_str()), (Ok(state), state.as_str()));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        assert_eq!("LOST".parse::<ProfileState>().unwrap_err().expected, "a state of a profile");
    }

    #[test]
    fn what_is_installed_was_not_only_downloaded() {
        let installed = ProfileState::ALL.into_iter().filter(|state| state.is_installed());
        let words: Vec<&str> = installed.map(ProfileState::as_str).collect();
        assert_eq!(words, ["INSTALLED", "ENABLED", "DISABLED", "DELETED"]);
    }
}

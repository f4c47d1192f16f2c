//! The kinds of SIM, and the words that other programs write about them too.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::{Display, EnumCount, EnumString, IntoStaticStr, VariantArray};

use crate::domain::{Malformed, every, open_words};

/// The kind of a SIM (`sim.sim_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[derive(Display, EnumCount, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", parse_err_ty = Malformed, parse_err_fn = no_type)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(description = "The kind of a SIM"))]
pub enum SimType {
    /// A plastic card.
    SimCard,
    /// A profile that a phone downloads.
    Esim,
}

fn no_type(_: &str) -> Malformed {
    Malformed { expected: "a type of SIM: SIM_CARD or ESIM" }
}

impl SimType {
    /// Every type.
    pub const ALL: [Self; Self::COUNT] = every(Self::VARIANTS);

    /// The word for the type in the store and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

open_words! {
    /// The status of a SIM (`sim.status`).
    SimStatus {
        /// GSIM has it for us.
        Active = "ACTIVE",
        /// GSIM has been told that it is not used any more, or is being told.
        Deprogrammed = "DEPROGRAMMED",
    }
}

open_words! {
    /// The radio technology that a SIM may use (`sim.technology`).
    Technology {
        /// LTE.
        FourG = "4G",
        /// 5G on an LTE core (non-standalone).
        FiveGNsa = "5G NSA",
        /// 5G on its own core (standalone).
        FiveGSa = "5G SA",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_the_word_that_is_stored() {
        for (word, kind) in ["SIM_CARD", "ESIM"].into_iter().zip(SimType::ALL) {
            assert_eq!((kind.as_str(), kind.to_string().as_str()), (word, word));
            assert_eq!((word.parse(), serde_json::to_value(kind).unwrap()), (Ok(kind), word.into()));
        }
        assert_eq!("esim".parse::<SimType>().unwrap_err(), no_type(""));
    }

    #[test]
    fn a_word_is_known_or_kept() {
        for word in ["ACTIVE", "DEPROGRAMMED", "active"] {
            let status: SimStatus = serde_json::from_value(word.into()).unwrap();
            assert_eq!((status.as_str(), status.is_known()), (word, word != "active"));
            assert_eq!(serde_json::to_value(&status).unwrap(), word);
        }
        for (word, technology) in
            [("4G", Technology::FourG), ("5G NSA", Technology::FiveGNsa), ("5G SA", Technology::FiveGSa)]
        {
            assert_eq!((Technology::from(word), technology.to_string().as_str()), (technology.clone(), word));
        }
        assert_eq!(Technology::from("6G\n").to_string(), "6G?");
    }
}

//! The ICCID, the number of a SIM.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::digits::{Form, digits_id};
use super::{MalformedAt, MaskedDigits};
use crate::domain::devices::luhn;
use crate::domain::serde_as_text;

const FORM: Form =
    Form { expected: "an ICCID: 18 to 20 digits that begin with 8955", prefix: "8955", lengths: 18..=20 };

digits_id! {
    /// The number of a SIM of Brazil (ITU-T E.118): `89` for telecommunication, `55` for the country, 18 to 20 digits in all.
    ///
    /// It is not unique over time: GSIM uses the ICCID of a deprogrammed SIM again.
    ///
    /// ```
    /// # use oss_core::Iccid;
    /// let iccid: Iccid = "8955 1001 2345 6789 011F".parse()?;
    /// assert_eq!(iccid.to_string(), "8955100123456789011");
    /// assert_eq!(format!("{iccid:?}"), "Iccid(****9011)");
    /// # Ok::<(), oss_core::MalformedAt>(())
    /// ```
    Iccid, read
}

impl Iccid {
    /// Whether the last digit checks the others (Luhn). About half of the cards in use are printed with another digit, so this
    /// is a reason to warn and not to refuse.
    #[must_use]
    pub fn has_valid_check_digit(&self) -> bool {
        luhn(self.0.as_bytes())
    }
}

/// Reads the digits. A SIM stores two digits in a byte, and fills up the last ones with `F`, which some systems show.
fn read(text: &str) -> Result<Box<str>, MalformedAt> {
    let padded = text.trim_end();
    let digits = padded.strip_suffix("FF").or_else(|| padded.strip_suffix('F')).unwrap_or(padded);
    FORM.read(digits)
}

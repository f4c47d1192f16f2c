//! The EID, the number of the chip that eSIM profiles are installed on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::digits::{Form, digits_id};
use super::{MalformedAt, MaskedDigits, TextFault};
use crate::domain::serde_as_text;

const FORM: Form = Form { expected: "an EID: 32 digits", prefix: "", lengths: 32..=32 };

digits_id! {
    /// The number of a chip for eSIM profiles (GSMA SGP.29): 32 digits. The last two check the others: the whole number modulo 97
    /// is 1.
    ///
    /// ```
    /// # use oss_core::Eid;
    /// let eid: Eid = "8904 9032 0001 0000 0123 4567 8901 2326".parse()?;
    /// assert_eq!(eid.to_string(), "89049032000100000123456789012326");
    /// assert!("89049032000100000123456789012327".parse::<Eid>().is_err());
    /// # Ok::<(), oss_core::MalformedAt>(())
    /// ```
    Eid, read
}

fn read(text: &str) -> Result<Box<str>, MalformedAt> {
    let digits = FORM.read(text)?;
    // 32 digits are below 2^128.
    match digits.parse::<u128>() {
        Ok(number) if number % 97 == 1 => Ok(digits),
        _ => Err(FORM.error(TextFault::CheckDigits)),
    }
}

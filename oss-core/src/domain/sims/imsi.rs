//! The IMSI, the number of a subscriber in the network.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::digits::{Form, digits_id};
use super::{MalformedAt, MaskedDigits};
use crate::domain::serde_as_text;

const FORM: Form =
    Form { expected: "an IMSI: 15 digits that begin with 724", prefix: "724", lengths: 15..=15 };

digits_id! {
    /// The number by which the network knows a subscriber of Brazil (3GPP TS 23.003, 2.2): mobile country code 724 (ITU-T E.212),
    /// 15 digits in all.
    ///
    /// ```
    /// # use oss_core::Imsi;
    /// let imsi: Imsi = "724061234567890".parse()?;
    /// assert_eq!(imsi.to_string(), "724061234567890");
    /// assert_eq!(format!("{imsi:?}"), "Imsi(****7890)");
    /// # Ok::<(), oss_core::MalformedAt>(())
    /// ```
    Imsi, read
}

fn read(text: &str) -> Result<Box<str>, MalformedAt> {
    FORM.read(text)
}

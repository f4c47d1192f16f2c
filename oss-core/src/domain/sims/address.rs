//! The hash of the address to which a plastic card was sent.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{hex_hash, serde_as_text};

hex_hash! {
    /// The hash of a delivery address (`sim_card.delivery_address_hash`): 32 hexadecimal digits in lower case. The service that
    /// orders the card computes it; the address itself never comes here.
    AddressHash, "the hash of a delivery address: 32 hexadecimal digits in lower case"
}

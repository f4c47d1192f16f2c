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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_one_form() {
        let text = "014338fee969ef8655b64f83fcee7a89";
        let hash: AddressHash = text.parse().unwrap();
        assert_eq!((hash.to_string().as_str(), format!("{hash:?}")), (text, format!("AddressHash({text})")));
        assert_eq!(serde_json::to_value(hash).unwrap(), text);
        assert_eq!(serde_json::from_value::<AddressHash>(text.into()).unwrap(), hash);
        for wrong in ["", &text[1..], &format!("{text}0"), &text.to_uppercase(), &text.replace('f', "g")] {
            assert!(wrong.parse::<AddressHash>().is_err(), "{wrong}");
        }
    }
}

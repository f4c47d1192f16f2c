//! The hash that names a device choice when an eSIM is ordered later.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::DeviceChoice;
use crate::domain::{hex_hash, serde_as_text};

hex_hash! {
    /// The first 32 hexadecimal digits, in lower case, of SHA-256 over `TAC:{tac}`, `CODE:{code}` or `MODEL:{model}`.
    ///
    /// The rule is that of the existing tables: other services compute the same hash.
    DeviceHash, "the hash of a device: 32 hexadecimal digits in lower case"
}

impl DeviceHash {
    /// The hash of a choice.
    #[must_use]
    pub fn of(choice: &DeviceChoice) -> Self {
        let digest = Sha256::digest(match choice {
            DeviceChoice::Tac(tac) => format!("TAC:{tac}"),
            DeviceChoice::Code(code) => format!("CODE:{code}"),
            DeviceChoice::Model(model) => format!("MODEL:{model}"),
        });
        let mut first = [0; 16];
        first.copy_from_slice(&digest[..16]);
        Self(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_that_of_another_tool() {
        // Each computed with `printf %s TEXT | sha256sum | cut -c1-32` (GNU coreutils).
        let cases = [
            (DeviceChoice::Tac("35050556".parse().unwrap()), "014338fee969ef8655b64f83fcee7a89"),
            (DeviceChoice::Code("iPhone15,2".parse().unwrap()), "bcd1624a168e2722691c565e0c6dc479"),
            (DeviceChoice::Code("SM-S931B".parse().unwrap()), "531561984d46db196f1b20850a18e14f"),
            (DeviceChoice::Model("SAMSUNG_GALAXY_S25".parse().unwrap()), "ae3c0d941cea2bc1ee8d059a0bd7478f"),
        ];
        for (choice, hash) in cases {
            let computed = DeviceHash::of(&choice);
            assert_eq!(computed.to_string(), hash, "{choice:?}");
            assert_eq!(format!("{computed:?}"), format!("DeviceHash({hash})"));
            assert_eq!(serde_json::to_value(computed).unwrap(), hash);
        }
    }
}

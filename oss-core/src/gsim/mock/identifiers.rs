//! The identifiers that the mock gives out. Each depends only on a serial number, so that every run has the same ones.

use sha2::{Digest, Sha256};

use crate::domain::{Iccid, Imsi, MatchingId, SmdpAddress};

/// The server of every profile.
const SMDP_ADDRESS: &str = "smdp.gsim.example";

/// The digits of an ICCID after `8955`, and of an IMSI after `72406`, that say what it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Series {
    Esim,
    Card,
    /// A card that is not active yet.
    StandIn,
}

impl Series {
    fn digit(self) -> u8 {
        match self {
            Self::Esim => 1,
            Self::Card => 2,
            Self::StandIn => 9,
        }
    }
}

/// The ICCID with a serial number: 19 digits, of which the last one checks the others (ITU-T E.118).
pub(super) fn iccid(series: Series, serial: u64) -> Option<Iccid> {
    let begin = format!("8955{}{serial:013}", series.digit());
    let candidates = (0..10).filter_map(|check| format!("{begin}{check}").parse().ok());
    candidates.into_iter().find(Iccid::has_valid_check_digit)
}

/// The IMSI with a serial number: that of Vivo (724 06, ITU-T E.212).
pub(super) fn imsi(series: Series, serial: u64) -> Option<Imsi> {
    format!("72406{}{serial:09}", series.digit()).parse().ok()
}

/// The matching id with a serial number. It cannot be guessed from the one before it.
pub(super) fn matching_id(serial: u64) -> Option<MatchingId> {
    let digest = Sha256::digest(format!("profile {serial}"));
    let digits = hex::encode_upper(&digest[..8]);
    let groups: Vec<&str> = [0, 4, 8, 12].iter().map(|&at| &digits[at..at + 4]).collect();
    groups.join("-").parse().ok()
}

pub(super) fn smdp_address() -> Option<SmdpAddress> {
    SMDP_ADDRESS.parse().ok()
}

/// Whether an ICCID is that of a card.
pub(super) fn is_card(iccid_of: &Iccid) -> bool {
    let serial = iccid_of.as_str().strip_prefix("89552").and_then(|rest| rest.get(..13)?.parse().ok());
    serial.and_then(|serial| iccid(Series::Card, serial)).as_ref() == Some(iccid_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_serial_number_has_identifiers_of_its_own_that_are_valid() {
        for serial in [0, 1, 999_999_999] {
            let card = iccid(Series::Card, serial).unwrap();
            assert!(card.has_valid_check_digit() && card.as_str().len() == 19);
            assert!(is_card(&card));
            assert!(!is_card(&iccid(Series::Esim, serial).unwrap()));
            assert!(imsi(Series::Esim, serial).is_some() && matching_id(serial).is_some());
        }
        assert_ne!(iccid(Series::Card, 1), iccid(Series::Card, 2));
        assert_ne!(imsi(Series::Card, 1), imsi(Series::StandIn, 1));
        assert_ne!(matching_id(1), matching_id(2));
        assert!(smdp_address().is_some());
    }

    #[test]
    fn a_card_with_another_check_digit_is_unknown() {
        let card = iccid(Series::Card, 7).unwrap();
        let (begin, last) = card.as_str().split_at(18);
        let other = (last.parse::<u8>().unwrap() + 1) % 10;
        assert!(!is_card(&format!("{begin}{other}").parse().unwrap()));
    }
}

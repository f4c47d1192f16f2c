//! Searches: the forms of the texts to search for, and the keys under which the store finds numbers.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    BrandId, Choice, ClientName, Eid, ExternalId, Iccid, Imsi, Malformed, Msisdn, PreviewId, ReservationId,
    SimId, trimmed,
};

/// A text to search for, by its form.
///
/// ```
/// # use oss_core::search::SearchTerm;
/// assert!(matches!("(11) 99995-0001".parse()?, SearchTerm::Msisdn(_)));
/// assert!(matches!("8955 1001 2345 6789 011F".parse()?, SearchTerm::Iccid(_)));
/// assert!(matches!("01920e4b-5f3c-7cc0-8a4e-2f6d1c9b7a10".parse()?, SearchTerm::Id(_)));
/// assert!("joão".parse::<SearchTerm>().is_err());
/// # Ok::<(), oss_core::Malformed>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SearchTerm {
    /// A phone number, in any of its forms.
    Msisdn(Msisdn),
    /// The number of a SIM.
    Iccid(Iccid),
    /// The number of a subscriber in the network.
    Imsi(Imsi),
    /// The number of a phone's chip for eSIMs.
    Eid(Eid),
    /// The id of a preview, a reservation, a SIM, an order or a line.
    Id(Uuid),
}

impl FromStr for SearchTerm {
    type Err = Malformed;

    /// Reads the only form that a text can have. An EID can also be read as a UUID without dashes, so its check digits decide.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let id = || Uuid::try_parse(trimmed(text)).ok().map(Self::Id);
        let term = text.parse().ok().map(Self::Eid).or_else(id);
        let term = term.or_else(|| text.parse().ok().map(Self::Iccid));
        let term = term.or_else(|| text.parse().ok().map(Self::Imsi));
        term.or_else(|| text.parse().ok().map(Self::Msisdn)).ok_or(Malformed {
            expected: "a phone number such as 11999950001, an ICCID (18 to 20 digits that begin with 8955), an IMSI (15 digits \
                       that begin with 724), an EID (32 digits), or the id of a preview, a reservation, a SIM or a line (a UUID)",
        })
    }
}

/// The text in its usual form, for the wire.
impl fmt::Display for SearchTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Msisdn(msisdn) => msisdn.fmt(f),
            Self::Iccid(iccid) => iccid.fmt(f),
            Self::Imsi(imsi) => imsi.fmt(f),
            Self::Eid(eid) => eid.fmt(f),
            Self::Id(id) => id.fmt(f),
        }
    }
}

/// The key under which a number is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberKey {
    /// The number itself.
    Number(Msisdn),
    /// An attempt to hold it.
    Reservation(ReservationId),
    /// The preview from which it was chosen.
    Preview(PreviewId),
    /// An order of a SIM for it.
    Order(SimId),
}

/// A preview as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPreview {
    /// Its id.
    pub id: PreviewId,
    /// Its brand.
    pub brand: BrandId,
    /// The client whose idempotency key made it, if it had one.
    pub client: Option<ClientName>,
    /// Sigan's id of it; none if the stored one cannot be read.
    pub external_id: Option<ExternalId>,
    /// The numbers that it offers, without those that cannot be read.
    pub offers: Vec<(Choice, Msisdn)>,
    /// The number that was chosen.
    pub reserved: Option<Msisdn>,
    /// The time at which it was made.
    pub created_at: DateTime<Utc>,
    /// The time until which numbers can be reserved from it.
    pub expires_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(text: &str) -> &'static str {
        match text.parse() {
            Ok(SearchTerm::Msisdn(_)) => "msisdn",
            Ok(SearchTerm::Iccid(_)) => "iccid",
            Ok(SearchTerm::Imsi(_)) => "imsi",
            Ok(SearchTerm::Eid(_)) => "eid",
            Ok(SearchTerm::Id(_)) => "id",
            Err(_) => "none",
        }
    }

    #[test]
    fn a_text_has_one_form() {
        for (text, expected) in [
            ("11999950001", "msisdn"),
            (" +55 (11) 99995-0001\u{200e}", "msisdn"),
            ("0055 11 99995 0001", "msisdn"),
            ("89551001234567890110", "iccid"),
            ("724061234567890", "imsi"),
            ("8904 9032 0001 0000 0123 4567 8901 2326", "eid"),
            ("89049032000100000123456789012326", "eid"),
            ("89049032000100000123456789012327", "id"),
            ("01920e4b-5f3c-7cc0-8a4e-2f6d1c9b7a10", "id"),
            (" 01920E4B5F3C7CC08A4E2F6D1C9B7A10\n", "id"),
            ("", "none"),
            ("1199995", "none"),
            ("11 3333-4444", "none"),
            ("310061234567890", "none"),
            ("89441001234567890110", "none"),
            ("or 1=1", "none"),
        ] {
            assert_eq!(form(text), expected, "{text:?}");
        }
        let refused = "x".parse::<SearchTerm>().unwrap_err().expected;
        for form in ["phone number", "ICCID", "IMSI", "EID", "preview", "reservation", "SIM", "UUID"] {
            assert!(refused.contains(form), "{refused}");
        }
    }

    #[test]
    fn debug_shows_no_identifier() {
        for text in
            ["11999950001", "89551001234567890110", "724061234567890", "89049032000100000123456789012326"]
        {
            let term: SearchTerm = text.parse().unwrap();
            assert!(!format!("{term:?}").contains(&text[..7]), "{term:?}");
            assert_eq!(term.to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            if let Ok(term) = text.parse::<SearchTerm>() {
                prop_assert_eq!(term.to_string().parse(), Ok(term));
            }
        }
    }
}

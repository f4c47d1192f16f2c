//! The activation code, with which a phone loads its eSIM profile (GSMA SGP.22, 4.1).
//!
//! It is a credential: whoever has it can take the line. So neither it nor its secret has a `Display`, and `Debug` shows nothing. A
//! method with a name of its own gives the text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::form_urlencoded::byte_serialize;

use super::{MalformedAt, TextFault};
use crate::domain::serde_as_text;

/// Reads a text of at most `longest` characters, each of which is allowed.
fn read(
    text: &str,
    expected: &'static str,
    longest: usize,
    is_allowed: fn(char) -> bool,
) -> Result<Box<str>, MalformedAt> {
    let error = |fault| MalformedAt { expected, fault };
    if let Some(at) = text.chars().position(|char| !is_allowed(char)) {
        return Err(error(TextFault::Character(at + 1)));
    }
    // Each character that is allowed is ASCII.
    if text.len() > longest { Err(error(TextFault::Length(text.len()))) } else { Ok(text.into()) }
}

/// The host of the server from which a phone downloads its profile (SM-DP+).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SmdpAddress(Box<str>);

impl SmdpAddress {
    /// The address. For the wire and the store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SmdpAddress {
    type Err = MalformedAt;

    /// Reads 1 to 128 characters of a host name, as many as the store has room for.
    fn from_str(text: &str) -> Result<Self, MalformedAt> {
        const EXPECTED: &str = "an SM-DP+ address: 1 to 128 letters, digits, dots or dashes";
        if text.is_empty() {
            return Err(MalformedAt { expected: EXPECTED, fault: TextFault::Character(1) });
        }
        read(text, EXPECTED, 128, |char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-')).map(Self)
    }
}

impl fmt::Display for SmdpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// It is a part of the activation code, so it is not shown.
impl fmt::Debug for SmdpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmdpAddress(****)")
    }
}

serde_as_text!(SmdpAddress, SmdpAddress::from_str);

/// The token by which the SM-DP+ finds the profile: the secret of an activation code. It may be empty: then the SM-DP+ finds the
/// profile by the phone's EID.
///
/// It has neither `Display` nor `Serialize`, so that no text contains it by mistake:
///
/// ```compile_fail
/// # let id: oss_core::MatchingId = "A-1".parse().unwrap();
/// let _ = id.to_string();
/// ```
/// ```compile_fail
/// # let id: oss_core::MatchingId = "A-1".parse().unwrap();
/// let _ = serde_json::to_string(&id);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MatchingId(Box<str>);

impl MatchingId {
    /// The secret itself. For the wire and the store.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for MatchingId {
    type Err = MalformedAt;

    /// Reads up to 64 characters, as many as the store has room for.
    fn from_str(text: &str) -> Result<Self, MalformedAt> {
        const EXPECTED: &str = "a matching id: up to 64 upper case letters, digits or dashes";
        let is_allowed = |char: char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '-';
        read(text, EXPECTED, 64, is_allowed).map(Self)
    }
}

impl fmt::Debug for MatchingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MatchingId(****)")
    }
}

impl<'de> Deserialize<'de> for MatchingId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The code with which a phone loads an eSIM profile: `1$<SM-DP+ address>$<matching id>[$<OID>][$1]` (GSMA SGP.22, 4.1).
///
/// ```
/// # use oss_core::ActivationCode;
/// let code: ActivationCode = "1$SMDP.EXAMPLE.COM$A-1$$1".parse()?;
/// assert_eq!(code.to_qr_text(), "LPA:1$SMDP.EXAMPLE.COM$A-1$$1");
/// assert!(code.confirmation_code_required());
/// assert_eq!(format!("{code:?}"), "ActivationCode(****)");
/// # Ok::<(), oss_core::MalformedAt>(())
/// ```
///
/// It has neither `Display` nor `Serialize`:
///
/// ```compile_fail
/// # let code: oss_core::ActivationCode = "1$SMDP.EXAMPLE.COM$A-1".parse().unwrap();
/// let _ = code.to_string();
/// ```
/// ```compile_fail
/// # let code: oss_core::ActivationCode = "1$SMDP.EXAMPLE.COM$A-1".parse().unwrap();
/// let _ = serde_json::to_string(&code);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ActivationCode {
    address: SmdpAddress,
    matching_id: MatchingId,
    /// The object identifier of the SM-DP+, or nothing.
    oid: Box<str>,
    confirmation_code_required: bool,
}

impl fmt::Debug for ActivationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActivationCode(****)")
    }
}

const PREFIX: &str = "LPA:";
const EXPECTED: &str =
    "an activation code of at most 255 characters: LPA:1$<SM-DP+ address>$<matching id>[$<OID>][$1]";

impl ActivationCode {
    /// The code of a profile that needs no confirmation code. Its parts are so short that it always has less than 255 characters.
    #[must_use]
    pub fn new(address: SmdpAddress, matching_id: MatchingId) -> Self {
        Self { address, matching_id, oid: "".into(), confirmation_code_required: false }
    }

    /// The server from which the phone downloads the profile.
    #[must_use]
    pub fn address(&self) -> &SmdpAddress {
        &self.address
    }

    /// The token by which the server finds the profile.
    #[must_use]
    pub fn matching_id(&self) -> &MatchingId {
        &self.matching_id
    }

    /// Whether the phone asks for a confirmation code too, which the customer gets by another way.
    #[must_use]
    pub fn confirmation_code_required(&self) -> bool {
        self.confirmation_code_required
    }

    /// The code in clear, as a QR code contains it and a customer types it. It is only for the customer.
    #[must_use]
    pub fn to_qr_text(&self) -> String {
        let Self { address, matching_id, oid, confirmation_code_required } = self;
        let end = match (oid.is_empty(), confirmation_code_required) {
            (true, false) => String::new(),
            (false, false) => format!("${oid}"),
            (_, true) => format!("${oid}$1"),
        };
        format!("{PREFIX}1${address}${}{end}", matching_id.reveal())
    }

    /// A link that installs the profile on an iPhone. It contains the code.
    #[must_use]
    pub fn install_url_ios(&self) -> String {
        self.install_url("esimsetup.apple.com")
    }

    /// A link that installs the profile on an Android phone. It contains the code.
    #[must_use]
    pub fn install_url_android(&self) -> String {
        self.install_url("esimsetup.android.com")
    }

    fn install_url(&self, host: &str) -> String {
        // The code has no space, which is the one character that a form encodes in another way than a URL.
        let code: String = byte_serialize(self.to_qr_text().as_bytes()).collect();
        format!("https://{host}/esim_qrcode_provisioning?carddata={code}")
    }
}

impl FromStr for ActivationCode {
    type Err = MalformedAt;

    /// Reads a code with or without `LPA:`. A later version of the standard may add fields to the end: they are passed over.
    fn from_str(text: &str) -> Result<Self, MalformedAt> {
        let code = text.strip_prefix(PREFIX).unwrap_or(text);
        let length = code.chars().count();
        if length > 255 {
            return Err(MalformedAt { expected: EXPECTED, fault: TextFault::Length(length) });
        }
        let mut fields = Fields { left: Some(code), position: text.len() - code.len() + 1 };
        fields.required(format)?;
        Ok(Self {
            address: fields.required(str::parse)?,
            matching_id: fields.required(str::parse)?,
            oid: fields.optional(oid)?,
            confirmation_code_required: !fields.optional(flag)?.is_empty(),
        })
    }
}

fn format(field: &str) -> Result<(), MalformedAt> {
    match field {
        "1" => Ok(()),
        _ => Err(MalformedAt { expected: EXPECTED, fault: TextFault::Character(1) }),
    }
}

fn oid(field: &str) -> Result<Box<str>, MalformedAt> {
    read(field, EXPECTED, usize::MAX, |char| char.is_ascii_digit() || char == '.')
}

fn flag(field: &str) -> Result<Box<str>, MalformedAt> {
    read(field, EXPECTED, 1, |char| char == '1')
}

/// The fields of a code that have not been read yet.
struct Fields<'a> {
    left: Option<&'a str>,
    /// The position of the next field in the code, counted from 1.
    position: usize,
}

impl<'a> Fields<'a> {
    fn required<T>(&mut self, parse: impl Fn(&'a str) -> Result<T, MalformedAt>) -> Result<T, MalformedAt> {
        let before = self.position - 1;
        let field =
            self.next().ok_or(MalformedAt { expected: EXPECTED, fault: TextFault::Character(before) })?;
        parse(field).map_err(|error| error.after(before))
    }

    /// Reads a field that a code may end before.
    fn optional(
        &mut self,
        parse: impl Fn(&'a str) -> Result<Box<str>, MalformedAt>,
    ) -> Result<Box<str>, MalformedAt> {
        if self.left.is_some() { self.required(parse) } else { Ok("".into()) }
    }

    fn next(&mut self) -> Option<&'a str> {
        let left = self.left?;
        let (field, rest) = left.split_once('$').map_or((left, None), |(field, rest)| (field, Some(rest)));
        self.left = rest;
        self.position += field.chars().count() + 1;
        Some(field)
    }
}

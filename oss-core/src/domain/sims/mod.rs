//! SIMs: their identifiers, the activation code of an eSIM, and the life of its profile.

mod activation;
mod address;
mod digits;
mod eid;
mod iccid;
mod imsi;
mod kind;
mod malformed;
mod profile;
#[cfg(test)]
mod tests;

pub use self::activation::{ActivationCode, MatchingId, SmdpAddress};
pub use self::address::AddressHash;
pub use self::digits::MaskedDigits;
pub use self::eid::Eid;
pub use self::iccid::Iccid;
pub use self::imsi::Imsi;
pub use self::kind::{SimStatus, SimType, Technology};
pub use self::malformed::{MalformedAt, TextFault};
pub use self::profile::ProfileState;

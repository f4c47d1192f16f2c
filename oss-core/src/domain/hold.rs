//! A number that Sigan keeps for us.

use chrono::{DateTime, Utc};

use super::ids::ExternalId;
use super::msisdn::Msisdn;

/// One number under one pre-reservation. Reserve and release name it: a release by number alone could free a newer hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hold {
    /// Sigan's id of the pre-reservation.
    pub external_id: ExternalId,
    /// The number.
    pub msisdn: Msisdn,
}

/// One hold of Sigan's list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedHold {
    /// The hold.
    pub hold: Hold,
    /// The time at which it was reserved, by Sigan's clock.
    pub reserved_at: DateTime<Utc>,
}

impl ListedHold {
    /// A hold as Sigan lists it.
    #[must_use]
    pub fn new(hold: Hold, reserved_at: DateTime<Utc>) -> Self {
        Self { hold, reserved_at }
    }
}

//! A number that Sigan keeps for us, and how long we keep it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

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

/// A number that is now held for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(json!({
    "msisdn": "11999950002", "expiresAt": "2026-11-26T13:30:43Z",
}))))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Reservation {
    /// The number, in full.
    pub msisdn: Msisdn,
    /// The time at which it is given back unless it is on a line by then; null if it is on a line already.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub expires_at: Option<DateTime<Utc>>,
}

impl Reservation {
    /// A number with the end of its hold, if it has one.
    #[must_use]
    pub fn new(msisdn: Msisdn, expires_at: Option<DateTime<Utc>>) -> Self {
        Self { msisdn, expires_at }
    }
}

/// How long a hold may last. Sigan keeps a reserved number until it is told to release it, so only we end a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension {
    /// The time from now on for which the number is to be held.
    pub hold_for: Duration,
    /// The longest time for which a number may be held, from the begin of its attempt on.
    pub at_most: Duration,
}

impl Extension {
    /// The new end of a hold. It is never before the present end, so that a repeated extension shortens nothing.
    #[cfg_attr(
        all(not(feature = "sqlite"), not(test)),
        expect(dead_code, reason = "PostgreSQL computes it in the statement that writes it")
    )]
    pub(crate) fn end(
        self,
        now: DateTime<Utc>,
        created_at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> DateTime<Utc> {
        let after = |time: DateTime<Utc>, wait| {
            TimeDelta::from_std(wait).ok().and_then(|wait| time.checked_add_signed(wait)).unwrap_or(time)
        };
        expires_at.max(after(now, self.hold_for).min(after(created_at, self.at_most)))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_is_extended_up_to_its_longest_time_and_never_shortened() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let extension = Extension { hold_for: Duration::from_secs(100), at_most: Duration::from_mins(5) };
        for (now, expires, expected) in [
            (50, 100, 150),
            (50, 150, 150),
            (50, 160, 160),
            (250, 260, 300),
            (299, 300, 300),
            // It was held for longer than an extension may hold it.
            (50, 400, 400),
        ] {
            assert_eq!(extension.end(at(now), at(0), at(expires)), at(expected), "{now} {expires}");
        }
        let endless = Extension { hold_for: Duration::MAX, at_most: Duration::MAX };
        assert_eq!(endless.end(at(50), at(0), at(100)), at(100));
    }
}

//! What a number is now, and every hold it has had.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};

use super::ids::{ExternalId, PreviewId, ReservationId, SimId};
use super::msisdn::{Malformed, Msisdn};
use super::text::is_invisible;

/// Declares an enum whose values are words in the store, on the wire and in answers.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $expected:literal, { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// The word that stands for it in the store and in answers.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(word: &str) -> Result<Self, Malformed> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(Malformed { expected: $expected }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

/// The status of a number (`phone_number.status`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NumberStatus {
    /// Held in Sigan for us, not yet on a line.
    Reserved,
    /// On a line.
    InUse,
    /// Given back.
    Returned,
    /// A status that another program wrote and this service does not know, as it is stored: it is shown, and never acted on.
    Other(Box<str>),
}

impl NumberStatus {
    /// The word that stands for it in the store and in answers.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Reserved => "RESERVED",
            Self::InUse => "IN_USE",
            Self::Returned => "RETURNED",
            Self::Other(word) => word,
        }
    }

    /// Whether this service knows what may be done with such a number.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

/// Every word is a status. Characters that cannot be seen become `?`: a status is shown and logged.
impl From<&str> for NumberStatus {
    fn from(word: &str) -> Self {
        match word {
            "RESERVED" => Self::Reserved,
            "IN_USE" => Self::InUse,
            "RETURNED" => Self::Returned,
            other => {
                Self::Other(other.chars().map(|char| if is_invisible(char) { '?' } else { char }).collect())
            }
        }
    }
}

impl fmt::Display for NumberStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for NumberStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

words! {
    /// How far one attempt to hold a number in Sigan has come (`reservation.state`).
    ///
    /// *Live* are the first four: at most one live reservation exists for a number.
    ReservationState, "a state of a reservation", {
        /// A call to Sigan is under way, or was when its process died: then the lease runs out.
        Pending = "PENDING",
        /// Sigan holds the number for us.
        Held = "HELD",
        /// Sigan gave no certain answer: it may hold the number for us.
        InDoubt = "IN_DOUBT",
        /// The number is on a line.
        Assigned = "ASSIGNED",
        /// Given back here; Sigan is being told.
        Releasing = "RELEASING",
        /// Given up with its outcome unknown; Sigan is being told to cancel it, so that a late arrival of the lost call has
        /// no effect. Nobody confirms it any more.
        Cancelling = "CANCELLING",
        /// Given back, and Sigan knows.
        Released = "RELEASED",
        /// Sigan does not hold the number for us, for certain.
        Rejected = "REJECTED",
    }
}

impl ReservationState {
    /// The states in which a reservation has a time at which the sweep looks at it.
    pub(crate) const UNSETTLED: [Self; 5] =
        [Self::Pending, Self::Held, Self::InDoubt, Self::Releasing, Self::Cancelling];
}

/// One number: what it is now, and every hold it has had. Serialises as callers get it over HTTP, the number in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Number {
    /// The number.
    pub msisdn: Msisdn,
    /// What the number is; none where every attempt to hold it was refused, so that it never was ours.
    #[serde(flatten)]
    pub line: Option<Line>,
    /// Every attempt to hold the number in Sigan, the latest first.
    pub history: Vec<HoldRecord>,
}

/// The row of a number that is or was ours (`phone_number`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Line {
    /// Where the number came from: `VIVO`, or the carrier it was ported in from.
    pub origin: String,
    /// What the number is now.
    pub status: NumberStatus,
    /// The SIM it is on, while `IN_USE`.
    pub assigned_sim_id: Option<SimId>,
    /// When it was last put on a line, unless that was another brand's.
    pub assigned_at: Option<DateTime<Utc>>,
    /// When we first held it, or the brand that asks did.
    pub created_at: DateTime<Utc>,
    /// When its status last changed, if that is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateTime<Utc>>,
}

/// One attempt to hold the number in Sigan (`reservation`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HoldRecord {
    /// The attempt.
    pub id: ReservationId,
    /// The preview it came from; none for a random number.
    #[serde(rename = "previewId")]
    pub preview: Option<PreviewId>,
    /// Sigan's id of the pre-reservation; none if the stored one cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// How far it has come.
    pub state: ReservationState,
    /// Why it is in this state, where there is a reason to give.
    pub reason: Option<String>,
    /// Until when the number was held unless put on a line; none where it never was held for certain.
    pub hold_expires_at: Option<DateTime<Utc>>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When its state last changed.
    pub updated_at: DateTime<Utc>,
}

impl Number {
    pub(crate) fn new(msisdn: Msisdn, line: Option<Line>, history: Vec<HoldRecord>) -> Self {
        Self { msisdn, line, history }
    }
}

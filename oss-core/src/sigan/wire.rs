//! What travels between Sigan and us, in JSON. The client and the mock share these types, so they cannot drift apart.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::domain::{BrandId, Ddd, ExternalId, Msisdn};

/// Body of `POST /pre-reservations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreReserveBody {
    /// The area code.
    pub area_code: Ddd,
    /// How many numbers.
    pub quantity: u8,
    /// On whose behalf.
    pub brand_id: BrandId,
    /// How long they are to be kept.
    pub hold_seconds: u64,
    /// A pre-reservation to be freed in the same step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_external_id: Option<ExternalId>,
}

/// Answer 201 to `POST /pre-reservations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreReserved {
    /// Sigan's name for the pre-reservation.
    pub external_id: ExternalId,
    /// The numbers.
    pub msisdns: Vec<Msisdn>,
    /// When it lapses, by Sigan's clock.
    pub expires_at: DateTime<Utc>,
}

/// Answer 200 to a reserve, and one line of the list of our holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reserved {
    /// Sigan's name for the pre-reservation.
    pub external_id: ExternalId,
    /// The number.
    pub msisdn: Msisdn,
    /// When it was reserved, by Sigan's clock.
    pub reserved_at: DateTime<Utc>,
}

/// Answer 200 to "who holds it".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// How the number is held.
    pub state: HoldingState,
}

/// How a number is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HoldingState {
    /// For a while.
    PreReserved,
    /// Until it is released.
    Reserved,
}

/// Answer 200 to the list of our holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldsPage {
    /// The holds, in a stable order.
    pub reservations: Vec<Reserved>,
    /// What to give as `after` for the next page; none on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Msisdn>,
}

/// Body of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusalBody {
    /// What is refused.
    pub code: RefusalCode,
    /// The pre-reservation that the request named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
}

/// The refusals that the contract knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefusalCode {
    /// Too few numbers are left in the area code.
    NoneLeft,
    /// The number is not held under the pre-reservation that was named.
    NotHeld,
    /// The number is held by another.
    Taken,
    /// The hold has ended.
    HoldOver,
}

impl RefusalCode {
    /// The status that goes with it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::NotHeld => 404,
            Self::NoneLeft | Self::Taken => 409,
            Self::HoldOver => 410,
        }
    }
}

impl From<RefusalCode> for Refusal {
    fn from(code: RefusalCode) -> Self {
        match code {
            RefusalCode::NoneLeft => Self::NoneLeft,
            RefusalCode::NotHeld => Self::NotHeld,
            RefusalCode::Taken => Self::Taken,
            RefusalCode::HoldOver => Self::HoldOver,
        }
    }
}

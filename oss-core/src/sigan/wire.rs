//! The JSON that travels between Sigan and us. The client and the mock share these types, so they cannot drift apart.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::domain::{BrandId, Ddd, ExternalId, Msisdn};
use crate::remote::TypedRefusal;

/// Body of `POST /pre-reservations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreReserveBody {
    /// The area code.
    pub area_code: Ddd,
    /// The count of numbers.
    pub quantity: u8,
    /// The brand on whose behalf Sigan is asked.
    pub brand_id: BrandId,
    /// The time for which they are to be kept.
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
    /// The time at which it lapses, by Sigan's clock.
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
    /// The time at which it was reserved, by Sigan's clock.
    pub reserved_at: DateTime<Utc>,
}

/// Answer 200 to "who holds it".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// The way in which the number is held.
    pub state: HoldingState,
}

/// The way in which a number is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HoldingState {
    /// It is kept for a while.
    PreReserved,
    /// It is kept until it is released.
    Reserved,
}

/// Answer 200 to the list of our holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldsPage {
    /// The holds, in a stable order.
    pub reservations: Vec<Reserved>,
    /// The value of `after` that asks for the next page; none on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Msisdn>,
}

/// Body of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusalBody {
    /// The reason of the refusal.
    pub code: RefusalCode,
    /// The pre-reservation that the request named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
}

/// The refusals of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefusalCode {
    /// Too few numbers are left in the area code.
    NoneLeft,
    /// The number is not held under the pre-reservation that was named.
    NotHeld,
    /// Another client of Sigan holds the number.
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

impl TypedRefusal for RefusalBody {
    type Code = RefusalCode;
    type Reason = Refusal;
    type Subject = ExternalId;

    fn code(&self) -> RefusalCode {
        self.code
    }

    fn status(code: RefusalCode) -> u16 {
        code.status()
    }

    fn subject(&self) -> Option<&ExternalId> {
        self.external_id.as_ref()
    }
}

//! The current status of a number, and every attempt to hold it.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::{Display, EnumCount, EnumString, IntoStaticStr, VariantArray};

use super::ids::{ExternalId, PreviewId, ReservationId, SimId};
use super::msisdn::{Malformed, Msisdn};
use super::words::open_words;

open_words! {
    /// The status of a number (`phone_number.status`).
    NumberStatus {
        /// Held in Sigan for us, not yet on a line.
        Reserved = "RESERVED",
        /// On a line.
        InUse = "IN_USE",
        /// Given back.
        Returned = "RETURNED",
    }
}

/// How far one attempt to hold a number in Sigan has come (`reservation.state`).
///
/// *Live* are the first four: at most one live reservation exists for a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[derive(Display, EnumCount, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", parse_err_ty = Malformed, parse_err_fn = no_state)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(description = "How far an attempt to hold a number has come"))]
pub enum AttemptState {
    /// A call to Sigan is under way, or was when its process died: then the lease runs out.
    Pending,
    /// Sigan holds the number for us.
    Held,
    /// Sigan gave no certain answer: it may hold the number for us.
    InDoubt,
    /// The number is on a line.
    Assigned,
    /// Given back here; Sigan is being told.
    Releasing,
    /// It was given up with its outcome unknown. Sigan is being told to cancel it, so that a late arrival of the lost call
    /// has no effect. Nobody can confirm it any more.
    Cancelling,
    /// It was given back, and Sigan knows.
    Released,
    /// Sigan certainly does not hold the number for us.
    Rejected,
}

fn no_state(_: &str) -> Malformed {
    Malformed { expected: "a state of a reservation" }
}

impl AttemptState {
    /// The word for the state in the store and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Every state, in the order of a number's life.
    pub const EVERY: &[Self] = Self::VARIANTS;

    /// The states in which a reservation has a time at which the sweep looks at it.
    pub(crate) const UNSETTLED: [Self; 5] =
        [Self::Pending, Self::Held, Self::InDoubt, Self::Releasing, Self::Cancelling];
}

/// One number: its current status, and every attempt to hold it. It serialises as in the HTTP answer, with the number in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Number {
    /// The number.
    pub msisdn: Msisdn,
    /// The row of the number; none if every attempt to hold it was refused, so that it was never ours.
    #[serde(flatten)]
    pub line: Option<Line>,
    /// Every attempt to hold the number in Sigan, the latest first.
    pub history: Vec<HoldRecord>,
}

/// The row of a number that is or was ours (`phone_number`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Line {
    /// The origin of the number: `VIVO`, or the carrier from which it was ported in.
    pub origin: String,
    /// The current status of the number.
    pub status: NumberStatus,
    /// The SIM of its line, while it is `IN_USE`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<uuid::Uuid>))]
    pub assigned_sim_id: Option<SimId>,
    /// The time at which it was last put on a line, unless that was a line of another brand.
    pub assigned_at: Option<DateTime<Utc>>,
    /// The time at which we first held it for the brand that asks.
    pub created_at: DateTime<Utc>,
    /// The time of the last change of its status, if that is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub updated_at: Option<DateTime<Utc>>,
}

/// One attempt to hold the number in Sigan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Hold, examples(json!({
    "id": "01920e4c-02b1-7d90-9f3e-4a7c5b1e8d22",
    "previewId": "01920e4b-5f3c-7cc0-8a4e-2f6d1c9b7a10",
    "externalId": "PR-0001",
    "state": "HELD",
    "reason": null,
    "holdExpiresAt": "2026-11-26T13:30:41Z",
    "createdAt": "2026-11-25T13:30:41Z",
    "updatedAt": "2026-11-25T13:30:43Z",
}))))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HoldRecord {
    /// The attempt.
    pub id: ReservationId,
    /// The preview it came from, unless it is a random number.
    #[serde(rename = "previewId")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<uuid::Uuid>, required = true))]
    pub preview: Option<PreviewId>,
    /// Sigan's id of the pre-reservation; left out if the stored one cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, nullable = false))]
    pub external_id: Option<ExternalId>,
    /// Its state.
    pub state: AttemptState,
    /// The reason for this state, if there is one.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub reason: Option<String>,
    /// The end of the hold unless the number is put on a line, if it was held for certain.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub hold_expires_at: Option<DateTime<Utc>>,
    /// The time at which it began.
    pub created_at: DateTime<Utc>,
    /// The time of the last change of its state.
    pub updated_at: DateTime<Utc>,
}

impl Number {
    pub(crate) fn new(msisdn: Msisdn, line: Option<Line>, history: Vec<HoldRecord>) -> Self {
        Self { msisdn, line, history }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_the_word_that_is_stored() {
        for word in ["RESERVED", "IN_USE", "RETURNED", "PORTED_OUT"] {
            let status = NumberStatus::from(word);
            assert_eq!((status.as_str(), status.to_string().as_str()), (word, word));
            assert_eq!(serde_json::to_value(&status).unwrap(), word);
            assert_eq!(status.is_known(), word != "PORTED_OUT");
        }
        assert_eq!(NumberStatus::from("LOST\u{202e}").as_str(), "LOST?");
    }

    #[test]
    fn a_state_is_the_word_that_is_stored() {
        let words =
            ["PENDING", "HELD", "IN_DOUBT", "ASSIGNED", "RELEASING", "CANCELLING", "RELEASED", "REJECTED"];
        assert_eq!(AttemptState::ALL.map(AttemptState::as_str), words);
        for (word, state) in words.into_iter().zip(AttemptState::ALL) {
            assert_eq!((word.parse(), serde_json::to_value(state).unwrap()), (Ok(state), word.into()));
        }
        assert_eq!("LOST".parse::<AttemptState>().unwrap_err().expected, "a state of a reservation");
    }
}

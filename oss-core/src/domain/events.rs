//! The events of numbers and SIMs, and the place of a reader among them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::ids::{ReservationId, SimId, uuid_id};
use super::msisdn::serde_as_text;
use super::words::open_words;
use super::{BrandId, ClientName, Malformed, MaskedMsisdn, Msisdn};

uuid_id! {
    /// One event. A repeated delivery has the same id.
    EventId
}

open_words! {
    /// The change that an event reports.
    EventKind {
        /// Sigan holds the number for us.
        NumberReserved = "number.reserved",
        /// Sigan gave no certain answer, so it may hold the number for us.
        NumberInDoubt = "number.in_doubt",
        /// A reserved number expires soon, unless it is put on a line.
        NumberExpiring = "number.expiring",
        /// The number is held for longer.
        NumberExtended = "number.extended",
        /// Nobody put the number on a line in time, so it is given back.
        NumberExpired = "number.expired",
        /// The number is on a line.
        NumberAssigned = "number.assigned",
        /// The number is given back. Sigan is being told.
        NumberReleased = "number.released",
        /// Sigan was told that the number was given back.
        NumberReturned = "number.returned",
        /// An attempt whose outcome is not known was given up. Sigan is being told.
        NumberCancelled = "number.cancelled",
        /// Sigan does not hold the number for the attempt.
        NumberRejected = "number.rejected",
        /// The line ended, and the number is given back.
        LineEnded = "line.ended",
        /// GSIM made the SIM, and the number is on its line.
        SimIssued = "sim.issued",
        /// GSIM gave no certain answer to the order.
        SimInDoubt = "sim.in_doubt",
        /// The SIM is not used any more. GSIM is being told.
        SimEnded = "sim.ended",
        /// GSIM was told that the SIM is not used any more.
        SimDeprogrammed = "sim.deprogrammed",
        /// An order whose outcome is not known was given up. GSIM is being told.
        SimCancelled = "sim.cancelled",
        /// GSIM made no SIM for the order.
        SimRejected = "sim.rejected",
        /// The profile can be downloaded again.
        SimAvailable = "sim.available",
        /// A phone has downloaded the profile.
        SimDownloaded = "sim.downloaded",
        /// The profile is on the phone's chip.
        SimInstalled = "sim.installed",
        /// The profile is switched on.
        SimEnabled = "sim.enabled",
        /// The profile is switched off.
        SimDisabled = "sim.disabled",
        /// The profile was deleted.
        SimDeleted = "sim.deleted",
        /// The profile could not be downloaded or installed.
        SimFailed = "sim.failed",
    }
}

/// A place among all events: after one of them, or before the first one. Its text is opaque to readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventCursor {
    /// The number of the transaction, which is zero on SQLite.
    pub transaction: i64,
    /// The position among the events of all transactions.
    pub position: i64,
}

impl EventCursor {
    /// The place after every event.
    pub const END: Self = Self { transaction: i64::MAX, position: i64::MAX };
}

impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.transaction, self.position)
    }
}

impl FromStr for EventCursor {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let number = |text: &str| {
            let is_number = (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            // Nineteen digits are within 64 bits, perhaps without the sign. No place is beyond the end.
            is_number
                .then(|| text.parse::<u64>().ok())
                .flatten()
                .map(|number| i64::try_from(number).unwrap_or(i64::MAX))
        };
        let parts = text.split_once('-').and_then(|(transaction, position)| {
            Some(Self { transaction: number(transaction)?, position: number(position)? })
        });
        parts.ok_or(Malformed { expected: "a cursor, as `next` or the `cursor` of an event gives it" })
    }
}

serde_as_text!(EventCursor, EventCursor::from_str);

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// The place after it.
    pub cursor: EventCursor,
    /// Its id.
    pub id: EventId,
    /// The time of the change.
    pub recorded_at: DateTime<Utc>,
    /// The change.
    pub kind: EventKind,
    /// The brand of the number or the SIM.
    pub brand: BrandId,
    /// The client whose idempotency key began the attempt.
    pub client: Option<ClientName>,
    /// The client whose call made the change.
    pub changed_by: Option<ClientName>,
    /// The attempt to hold the number.
    pub reservation: Option<ReservationId>,
    /// The SIM.
    pub sim: Option<SimId>,
    /// The number, if it can be read.
    pub msisdn: Option<Msisdn>,
    /// The state before the change.
    pub before: Option<String>,
    /// The state after the change.
    pub after: String,
}

/// A page of stored events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventRows {
    /// The events of the brands that were asked for, in the order of their commits.
    pub events: Vec<EventRow>,
    /// The place after the last event that was read, of any brand.
    pub next: EventCursor,
}

/// A change of a number or a SIM, as its readers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(description = "A change of a number or a SIM", examples(json!({
    "id": "9b2d7c3e-1f4a-4c55-8e0b-6a1d2f3c4b5e",
    "cursor": "7345-120",
    "recordedAt": "2026-11-25T13:30:43Z",
    "kind": "number.reserved",
    "brandId": "acme",
    "client": "acquisition",
    "changedBy": "acquisition",
    "reservationId": "01920e4c-02b1-7d90-9f3e-4a7c5b1e8d22",
    "simId": null,
    "masked": "(11) 9****-0002",
    "msisdn": "11999950002",
    "before": null,
    "after": "HELD",
}))))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Event {
    /// Its id. A repeated delivery of the event has the same one.
    #[cfg_attr(feature = "openapi", schema(value_type = uuid::Uuid))]
    pub id: EventId,
    /// The place after it, from which a reader can go on.
    pub cursor: EventCursor,
    /// The time of the change.
    pub recorded_at: DateTime<Utc>,
    /// The change. Later versions may have more kinds.
    pub kind: EventKind,
    /// The brand of the number or the SIM.
    #[serde(rename = "brandId")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub brand: BrandId,
    /// The client whose idempotency key began the attempt, if it had one.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    pub client: Option<ClientName>,
    /// The client whose call made the change. Null if the service itself did, as when a number expires, or a program without a server.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    pub changed_by: Option<ClientName>,
    /// The attempt to hold the number, for changes of a number.
    #[serde(rename = "reservationId")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<uuid::Uuid>, required = true))]
    pub reservation: Option<ReservationId>,
    /// The SIM, for changes of a SIM and for `number.assigned`.
    #[serde(rename = "simId")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<uuid::Uuid>, required = true))]
    pub sim: Option<SimId>,
    /// The number, masked. None if the stored number cannot be read.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    pub masked: Option<MaskedMsisdn>,
    /// The number in full, for a reader of the event's brand only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, nullable = false))]
    pub msisdn: Option<Msisdn>,
    /// The state before the change, if it had one: of the attempt, of the order, or of the profile.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub before: Option<String>,
    /// The state after the change.
    pub after: String,
}

impl Event {
    /// A stored event for a reader. The number is in full for a reader of the event's brand.
    pub(crate) fn shown(row: EventRow, is_own: bool) -> Self {
        Self {
            id: row.id,
            cursor: row.cursor,
            recorded_at: row.recorded_at,
            kind: row.kind,
            brand: row.brand,
            client: row.client,
            changed_by: row.changed_by,
            reservation: row.reservation,
            sim: row.sim,
            masked: row.msisdn.map(|number| number.masked()),
            msisdn: row.msisdn.filter(|_| is_own),
            before: row.before,
            after: row.after,
        }
    }
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Events, description = "A page of events"))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EventPage {
    /// The events, in the order of their commits.
    #[cfg_attr(feature = "openapi", schema(max_items = 1000))]
    pub events: Vec<Event>,
    /// The place from which to read the next page, also if this page is empty.
    pub next: EventCursor,
}

impl EventPage {
    pub(crate) fn shown(rows: EventRows, is_own: bool) -> Self {
        let events = rows.events.into_iter().map(|row| Event::shown(row, is_own)).collect();
        Self { events, next: rows.next }
    }
}

/// How far a webhook is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Webhook, description = "How far a webhook is"))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct WebhookStatus {
    /// Its name in the configuration.
    pub name: String,
    /// The last event that was delivered or passed over.
    pub cursor: EventCursor,
    /// The age of the first event after that; 0 if there is none.
    pub lag_seconds: u64,
    /// The failures in a row.
    pub attempts: i32,
    /// The time of the next attempt after a failure.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// The reason of the last failure, unless an event was delivered since.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub last_error: Option<String>,
    /// The time of the last delivery.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub delivered_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let cursor = EventCursor { transaction: 7345, position: i64::MAX };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        assert_eq!("0-0".parse(), Ok(EventCursor::default()));
        assert_eq!("7345-9999999999999999999".parse(), Ok(cursor));
        for text in ["", "-", "1", "1-", "-1", "1--1", "+1-1", "1-1-1", "1-00000000000000000001", "१-1"] {
            assert!(text.parse::<EventCursor>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_cursor_goes_by_the_transaction_first() {
        let at = |transaction, position| EventCursor { transaction, position };
        assert!(at(1, 9) < at(2, 3) && at(2, 3) < at(2, 4));
    }
}

//! Lists of numbers: the filters that an index serves, the place where a page begins, and the rows.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::{AttemptState, BrandId, Ddd, Malformed, Msisdn, NumberStatus, ReservationId, SimId, Timestamp};

/// The most numbers of a page.
const LONGEST_PAGE: u32 = 1000;

/// The numbers of a page if the caller does not say.
const PAGE: u32 = 100;

/// The wish for a list, as a caller writes it. Every field may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListOptions {
    /// Numbers with this status.
    pub status: Option<NumberStatus>,
    /// Numbers with an attempt in this state.
    pub state: Option<AttemptState>,
    /// Numbers of this area code.
    pub ddd: Option<Ddd>,
    /// Numbers of this brand.
    pub brand: Option<BrandId>,
    /// The number that is on this SIM.
    pub sim: Option<SimId>,
    /// Numbers whose attempt began after this time.
    pub created_after: Option<Timestamp>,
    /// Numbers whose attempt began before this time.
    pub created_before: Option<Timestamp>,
    /// Numbers whose hold ends before this time.
    pub expires_before: Option<Timestamp>,
    /// The page begins after this place.
    pub after: Option<Cursor>,
    /// The most numbers of the page.
    pub limit: Option<PageLength>,
}

/// The reason why a wish for a list is refused: no index serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}")]
#[non_exhaustive]
pub struct ListFault {
    /// The field at fault, by its name in the API.
    pub field: &'static str,
    /// The way to write it.
    pub expected: &'static str,
}

/// One page of a list, by a filter that an index serves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NumberList {
    /// The numbers.
    pub filter: NumberFilter,
    /// Their brand, or any that the caller may see.
    pub brand: Option<BrandId>,
    /// The page begins after this place; none for the first page.
    pub after: Option<Cursor>,
    /// The most numbers of the page.
    pub limit: u32,
}

/// A filter that an index serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NumberFilter {
    /// Numbers, in their order.
    Numbers {
        /// Their status, or any.
        status: Option<NumberStatus>,
        /// Their area code, or any.
        ddd: Option<Ddd>,
    },
    /// Numbers with an attempt in a state, in their order.
    State {
        /// The state.
        state: AttemptState,
        /// Their area code, or any.
        ddd: Option<Ddd>,
    },
    /// Numbers with an attempt in an unsettled state, the oldest first.
    Created {
        /// The state.
        state: AttemptState,
        /// The attempts began after this time, if any.
        after: Option<DateTime<Utc>>,
        /// The attempts began before this time, if any.
        before: Option<DateTime<Utc>>,
    },
    /// Numbers whose hold ends before a time, the next to end first.
    Expiring(DateTime<Utc>),
    /// The number that is on a SIM.
    Sim(SimId),
}

impl ListOptions {
    /// The page that is wished for.
    ///
    /// # Errors
    ///
    /// [`ListFault`] for a combination of filters that no index serves, or a place of a list with another filter.
    pub fn list(&self) -> Result<NumberList, ListFault> {
        let filter = self.filter()?;
        if self.after.as_ref().is_some_and(|after| !filter.has_place(after)) {
            return Err(ListFault { field: "after", expected: "the `next` of a list with the same filters" });
        }
        let limit = self.limit.map_or(PAGE, |PageLength(limit)| limit);
        Ok(NumberList { filter, brand: self.brand.clone(), after: self.after.clone(), limit })
    }

    fn filter(&self) -> Result<NumberFilter, ListFault> {
        let Self { status, state, ddd, sim, created_after, created_before, expires_before, .. } = self;
        let is_aged = created_after.is_some() || created_before.is_some();
        let aged = if created_after.is_some() { "createdAfter" } else { "createdBefore" };
        let alone =
            |given: [(bool, &'static str); 4], expected| match given.iter().find(|(is_given, _)| *is_given) {
                Some((_, field)) => Err(ListFault { field, expected }),
                None => Ok(()),
            };
        let (has_status, has_state) = (status.is_some(), state.is_some());
        if let Some(sim) = sim {
            let other = "no other filter together with simId, except brandId";
            alone(
                [(has_status, "status"), (has_state, "state"), (ddd.is_some(), "ddd"), (is_aged, aged)],
                other,
            )?;
            alone([(expires_before.is_some(), "expiresBefore"); 4], other)?;
            return Ok(NumberFilter::Sim(*sim));
        }
        if let Some(Timestamp(before)) = expires_before {
            let is_other_state = state.is_some_and(|state| state != AttemptState::Held);
            let given =
                [(has_status, "status"), (is_other_state, "state"), (ddd.is_some(), "ddd"), (is_aged, aged)];
            alone(given, "no other filter together with expiresBefore, except brandId and state=HELD")?;
            return Ok(NumberFilter::Expiring(*before));
        }
        let none = (false, "");
        match state {
            Some(state) if is_aged => {
                alone(
                    [(has_status, "status"), (ddd.is_some(), "ddd"), none, none],
                    "no filter by it together with an age",
                )?;
                if !AttemptState::UNSETTLED.contains(state) {
                    let expected = "PENDING, HELD, IN_DOUBT, RELEASING or CANCELLING together with an age";
                    return Err(ListFault { field: "state", expected });
                }
                let time = |given: &Option<Timestamp>| given.map(|Timestamp(time)| time);
                Ok(NumberFilter::Created {
                    state: *state,
                    after: time(created_after),
                    before: time(created_before),
                })
            }
            None if is_aged => Err(ListFault {
                field: aged,
                expected: "a state together with it: PENDING, HELD, IN_DOUBT, RELEASING or CANCELLING",
            }),
            Some(_) if has_status => {
                Err(ListFault { field: "status", expected: "either a status or a state, not both" })
            }
            Some(state) => Ok(NumberFilter::State { state: *state, ddd: *ddd }),
            None => Ok(NumberFilter::Numbers { status: status.clone(), ddd: *ddd }),
        }
    }
}

impl NumberFilter {
    /// Whether a place can be one of this list.
    fn has_place(&self, place: &Cursor) -> bool {
        matches!(
            (self, place),
            (Self::Numbers { .. }, Cursor::Number(_))
                | (Self::State { .. }, Cursor::Attempt(..))
                | (Self::Created { .. } | Self::Expiring(_), Cursor::Time(..))
        )
    }

    /// The area code, if the list is one of its numbers.
    pub(crate) fn ddd(&self) -> Option<Ddd> {
        if let Self::Numbers { ddd, .. } | Self::State { ddd, .. } = self { *ddd } else { None }
    }
}

/// A status that a list can be filtered by.
///
/// ```
/// # use oss_core::{ListedStatus, NumberStatus};
/// assert_eq!("IN_USE".parse::<ListedStatus>()?.0, NumberStatus::InUse);
/// assert!("REMOVED".parse::<ListedStatus>().is_err());
/// # Ok::<(), oss_core::Malformed>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedStatus(pub NumberStatus);

impl FromStr for ListedStatus {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let status = NumberStatus::from(text);
        if status.is_known() {
            Ok(Self(status))
        } else {
            Err(Malformed { expected: "RESERVED, IN_USE or RETURNED" })
        }
    }
}

/// The most numbers of a page, 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLength(pub(crate) u32);

impl PageLength {
    /// The longest page.
    pub const MAX: Self = Self(LONGEST_PAGE);

    /// The number of rows.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for PageLength {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let length = text.parse().ok().filter(|length| (1..=LONGEST_PAGE).contains(length));
        length.map(Self).ok_or(Malformed { expected: "a number from 1 to 1000" })
    }
}

/// A place in a list, after which a page begins. Callers pass it on as it is.
///
/// It names the last row of the page before. A number in it is text, because a stored number may be unreadable.
#[derive(Clone, PartialEq, Eq)]
pub enum Cursor {
    /// A number.
    Number(Box<str>),
    /// An attempt at a number.
    Attempt(Box<str>, ReservationId),
    /// An attempt at a time.
    Time(DateTime<Utc>, ReservationId),
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cursor")
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Number(msisdn) => format!("n{msisdn}"),
            Self::Attempt(msisdn, id) => format!("a{id}{msisdn}"),
            Self::Time(time, id) => format!("t{id}{}", time.timestamp_micros()),
        };
        f.write_str(&hex::encode(text))
    }
}

impl FromStr for Cursor {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const ID: usize = 36;
        let place = hex::decode(text)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .filter(|text| text.is_ascii());
        let with_id = |rest: &str| Some((rest.get(..ID)?.parse().ok()?, rest.get(ID..)?.to_owned()));
        let read = |place: &str| match place.split_at_checked(1)? {
            ("n", msisdn) => Some(Self::Number(msisdn.into())),
            ("a", rest) => with_id(rest).map(|(id, msisdn)| Self::Attempt(msisdn.into(), id)),
            ("t", rest) => {
                let (id, micros) = with_id(rest)?;
                Some(Self::Time(DateTime::from_timestamp_micros(micros.parse().ok()?)?, id))
            }
            _ => None,
        };
        place.as_deref().and_then(read).ok_or(Malformed { expected: "the `next` of an earlier page" })
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A number in a list, and the attempt that it is listed for: the one in the state that was asked for, or else the one that has the
/// number or had it last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(json!({
    "msisdn": "11999950002",
    "status": "RESERVED",
    "state": "HELD",
    "brandId": "acme",
    "assignedSimId": null,
    "expiresAt": "2026-11-26T13:30:43Z",
    "reason": null,
    "createdAt": "2026-11-25T13:30:41Z",
    "updatedAt": "2026-11-25T13:30:43Z",
}))))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ListedNumber {
    /// The number, in full.
    pub msisdn: Msisdn,
    /// The status of the number; none if it never was ours.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    pub status: Option<NumberStatus>,
    /// The state of the attempt; none if no attempt at the number is recorded.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    pub state: Option<AttemptState>,
    /// The brand of the attempt.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    pub brand_id: Option<BrandId>,
    /// The SIM that the number is on.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<uuid::Uuid>, required = true))]
    pub assigned_sim_id: Option<SimId>,
    /// The end of the hold, if it ends.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub expires_at: Option<DateTime<Utc>>,
    /// The reason for the state, if there is one.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub reason: Option<String>,
    /// The begin of the attempt, or of the number's record if there is none.
    pub created_at: DateTime<Utc>,
    /// The last change of the attempt, or of the number if there is none.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub updated_at: Option<DateTime<Utc>>,
}

impl ListedNumber {
    /// The first line of a list as CSV (RFC 4180), without its end.
    pub const CSV_HEADINGS: &str =
        "msisdn,status,state,brandId,assignedSimId,expiresAt,reason,createdAt,updatedAt";

    /// The number as a line of CSV, without its end.
    #[must_use]
    pub fn csv_line(&self) -> String {
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let fields = [
            Some(self.msisdn.to_string()),
            self.status.as_ref().map(ToString::to_string),
            self.state.map(|state| state.to_string()),
            self.brand_id.as_ref().map(ToString::to_string),
            self.assigned_sim_id.map(|sim| sim.to_string()),
            self.expires_at.map(time),
            self.reason.clone(),
            Some(time(self.created_at)),
            self.updated_at.map(time),
        ];
        fields.map(|field| quoted(field.unwrap_or_default())).join(",")
    }
}

/// A field of CSV, in quotation marks if it has special characters.
fn quoted(field: String) -> String {
    if field.contains([',', '"', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

/// A page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct NumberPage {
    /// The numbers, in the order of the list. A row that cannot be read is left out; the audit lists it.
    pub numbers: Vec<ListedNumber>,
    /// The place after which the next page begins; null on the last page. A page before it may have fewer numbers than were asked for.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    pub next: Option<Cursor>,
}

impl NumberPage {
    /// Numbers, and the place after which the next page begins.
    #[must_use]
    pub fn of(numbers: Vec<ListedNumber>, next: Option<Cursor>) -> Self {
        Self { numbers, next }
    }
}

#[cfg(test)]
mod tests;

//! Statistics: counts that are kept, so that nobody has to scan the tables for them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AttemptState, BrandId, Ddd, EventKind};

/// The state of the inventory as operators see it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Statistics {
    /// The attempts to hold a number, by brand, area code and state. First calls that are under way are not counted.
    pub attempts: Vec<AttemptCount>,
    /// The rows that wait for the sweep, by what they wait for. A backlog without rows is left out.
    pub backlogs: Vec<Backlog>,
    /// The numbers that Sigan was asked for, by hour and area code, the latest hour first.
    pub draws: Vec<DrawCount>,
    /// The changes that events report, by hour, brand and kind, the latest hour first.
    pub changes: Vec<ChangeCount>,
    /// The latest audit of each brand that compared everything.
    pub audits: Vec<LastAudit>,
}

/// The count of the attempts of a brand that hold or held numbers of an area code and are in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttemptCount {
    /// The brand.
    #[cfg_attr(feature = "openapi", schema(value_type = String, examples("acme")))]
    pub brand_id: BrandId,
    /// The area code.
    pub area_code: Ddd,
    /// The state.
    pub state: AttemptState,
    /// The count.
    pub attempts: u64,
}

/// Rows that are due for the sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Backlog {
    /// The kind of rows: `numbers`, or `sims` for the orders of SIMs.
    pub of: String,
    /// Their state, which says what they wait for.
    pub state: AttemptState,
    /// The count of those that are due.
    pub due: u64,
    /// Whether more may be due. The 2,000 rows of a kind that are due first are counted; a state that has only later ones is left out.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub at_least: bool,
    /// The time for which the oldest has been due, in seconds.
    pub oldest_seconds: u64,
}

/// The numbers of an area code that Sigan was asked for within an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DrawCount {
    /// The begin of the hour.
    pub hour: DateTime<Utc>,
    /// The area code.
    pub area_code: Ddd,
    /// The count of the calls that asked for numbers.
    pub draws: u64,
    /// The count of those for which none was left.
    pub none_left: u64,
}

/// The changes of one kind that happened to the numbers and SIMs of a brand within an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangeCount {
    /// The begin of the hour.
    pub hour: DateTime<Utc>,
    /// The brand.
    #[cfg_attr(feature = "openapi", schema(value_type = String, examples("acme")))]
    pub brand_id: BrandId,
    /// The kind, as in an event. Later versions may have more kinds.
    pub kind: EventKind,
    /// The count.
    pub changes: u64,
}

/// An audit that compared everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LastAudit {
    /// The brand.
    #[cfg_attr(feature = "openapi", schema(value_type = String, examples("acme")))]
    pub brand_id: BrandId,
    /// The end of the audit.
    pub finished_at: DateTime<Utc>,
    /// The count of the differences that it found.
    pub differences: u64,
}

/// Draws that are not stored yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NewDraws {
    /// The count of the calls that asked for numbers.
    pub draws: u64,
    /// The count of those for which none was left.
    pub none_left: u64,
}

/// Draws that are not stored yet, by area code.
pub type DrawTally = BTreeMap<Ddd, NewDraws>;

/// Draws that a process stores together. A batch whose answer was lost is repeated as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawBatch {
    /// The process.
    pub process: Uuid,
    /// The number of the batch, which grows with each batch of the process.
    pub number: u64,
    /// The draws.
    pub tally: DrawTally,
}

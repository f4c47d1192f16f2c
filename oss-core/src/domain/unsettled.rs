//! Attempts that wait for a certain outcome, as operators look at them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AttemptState, BrandId, Cursor, Msisdn};

/// The purpose of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttemptKind {
    /// To hold a number in Sigan.
    Number,
    /// To get a SIM from GSIM.
    Sim,
}

/// An attempt whose outcome is not known, or of whose end Sigan or GSIM was not told yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UnsettledAttempt {
    /// Its purpose.
    pub kind: AttemptKind,
    /// Its id: of the reservation, or of the order.
    pub id: Uuid,
    /// The number.
    pub msisdn: Msisdn,
    /// The brand.
    pub brand_id: BrandId,
    /// The state: `IN_DOUBT`, or `PENDING` while the other system is asked again; `CANCELLING` or `RELEASING` until it was told.
    pub state: AttemptState,
    /// The time at which it began.
    pub begun_at: DateTime<Utc>,
    /// The time since which it waits: from its begin on, or since it was given up or given back.
    pub since: DateTime<Utc>,
    /// The time of the next attempt, or until which the call under way has its lease. None if it was set aside, so that a person has
    /// to decide.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// The calls to the other system so far.
    pub attempts: u32,
    /// The last error, or the reason why it was set aside.
    pub reason: Option<String>,
}

/// A page of unsettled attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnsettledPage {
    /// The attempts, the one that began first at the beginning. A row that cannot be read is left out; the audit lists it.
    pub attempts: Vec<UnsettledAttempt>,
    /// The place after which the next page begins; none on the last page.
    pub next: Option<Cursor>,
}

impl UnsettledPage {
    /// Attempts, and the place after which the next page begins.
    #[must_use]
    pub fn of(attempts: Vec<UnsettledAttempt>, next: Option<Cursor>) -> Self {
        Self { attempts, next }
    }
}

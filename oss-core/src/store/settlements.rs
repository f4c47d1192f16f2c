//! The settlement of one number: its rows are claimed before they are due, because somebody waits for the answer.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use super::rows::{DataRow, Unreadable};
use crate::domain::{Due, DueOrder, Msisdn, Scope, UnreadableRow};

/// The steps of a settlement.
///
/// A row in doubt is never leased. A release or a cancellation may be: its time is the end of a lease, or that of the next attempt. So it
/// is claimed if it is due, or if its time is later than any lease ends. In between, the row counts as leased.
#[async_trait]
pub trait SettlementStore {
    /// Claims the latest attempt at a number if Sigan has to be asked or told about it, with a lease for `lease`. An attempt that is
    /// settled, or set aside, is not claimed.
    async fn claim_attempt_of(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<NumberClaims<Due>, StoreError>;

    /// Claims every order for a number about which GSIM has to be asked or told, each with a lease for `lease`.
    async fn claim_orders_of(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<NumberClaims<DueOrder>, StoreError>;
}

/// The rows of a number that were claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberClaims<T> {
    /// The rows to ask or tell about.
    pub due: Vec<T>,
    /// Rows that could not be read. They are set aside from now on.
    pub set_aside: Vec<UnreadableRow>,
    /// The time until a row that was not claimed is due, because another call may have its lease; none if there is no such row.
    pub busy_for: Option<Duration>,
}

impl<T> NumberClaims<T> {
    pub(super) fn new() -> Self {
        Self { due: Vec::new(), set_aside: Vec::new(), busy_for: None }
    }

    pub(super) fn add_busy(&mut self, wait: Duration) {
        self.busy_for = Some(self.busy_for.map_or(wait, |shortest| shortest.min(wait)));
    }
}

/// A row that is not settled.
pub(super) enum Unsettled<T> {
    Claimed(Result<T, Unreadable>),
    /// Another call may have its lease, for this time.
    Busy(Duration),
}

/// Reads the time until a row is due.
pub(super) fn wait(row: &impl DataRow) -> Result<Duration, sqlx::Error> {
    Ok(Duration::try_from_secs_f64(row.seconds("wait_secs")?).unwrap_or_default())
}

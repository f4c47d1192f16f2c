//! Checks that a connection leads to a database that accepts writes. After a failover the old primary may still answer reads, and
//! its answers may be out of date.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection, Row};

use super::repeats::Failure;
use crate::outage::Outage;

/// The time for which no statement is sent to a read-only database.
const PAUSE: Duration = Duration::from_millis(250);

/// Refuses statements while the database is read-only, and logs the beginning and the end of that time once.
#[derive(Debug)]
pub(super) struct WritableCheck {
    outage: Outage,
}

impl WritableCheck {
    pub(super) fn new() -> Self {
        Self { outage: Outage::new(PAUSE) }
    }

    /// Refuses at once during the pause after a read-only answer, so that callers do not open connections in vain.
    pub(super) fn refuse_while_pausing(&self) -> Result<(), Failure> {
        if self.outage.is_pausing() { Err(Failure::ReadOnly) } else { Ok(()) }
    }

    /// Checks new connections, and every connection until one accepts writes again. Others cost no round trip.
    pub(super) async fn check(&self, connection: &mut PgConnection) -> Result<(), Failure> {
        // A connection without prepared statements is new. The pool could check it when it connects, but it would log an error
        // for each connection that is refused there.
        let is_new = connection.cached_statements_size() == 0;
        if !is_new && self.outage.is_over() {
            return Ok(());
        }
        if is_read_only(connection).await? {
            if self.outage.record_failure() {
                tracing::warn!(
                    "The database is read-only; requests that need it are refused until it accepts writes."
                );
            }
            return Err(Failure::ReadOnly);
        }
        if self.outage.record_answer() {
            tracing::info!("The database accepts writes again.");
        }
        Ok(())
    }
}

pub(super) async fn is_read_only(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let row = connection.fetch_one("select current_setting('transaction_read_only') = 'on'").await?;
    row.try_get(0)
}

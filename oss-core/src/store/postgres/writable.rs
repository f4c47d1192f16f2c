//! Whether a connection leads to a database that accepts writes. After a failover the old primary may still answer, but only
//! to reads, and what it answers may be old.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection, Row};

use super::repeats::Failure;
use crate::outage::Outage;

/// How long a read-only database is left alone.
const PAUSE: Duration = Duration::from_millis(250);

/// Keeps the statements away from a read-only database, and logs its beginning and its end once.
#[derive(Debug)]
pub(super) struct WritableCheck {
    outage: Outage,
}

impl WritableCheck {
    pub(super) fn new() -> Self {
        Self { outage: Outage::new(PAUSE) }
    }

    /// Refuses at once while a read-only database is left alone, so that callers do not open connections for nothing.
    pub(super) fn refuse_while_pausing(&self) -> Result<(), Failure> {
        if self.outage.is_pausing() { Err(Failure::ReadOnly) } else { Ok(()) }
    }

    /// Asks a new connection, and each connection until one accepts writes again; costs any other no round trip.
    pub(super) async fn check(&self, connection: &mut PgConnection) -> Result<(), Failure> {
        // A connection that has prepared no statement is new. The pool could check it when it connects, but it logs an error
        // for each connection that is refused there.
        let is_new = connection.cached_statements_size() == 0;
        if !is_new && self.outage.is_over() {
            return Ok(());
        }
        if is_read_only(connection).await? {
            if self.outage.record_failure() {
                tracing::warn!("The database is read-only; requests that need it are refused meanwhile.");
            }
            return Err(Failure::ReadOnly);
        }
        if self.outage.record_answer() {
            tracing::info!("The database accepts writes again.");
        }
        Ok(())
    }
}

async fn is_read_only(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let row = connection.fetch_one("select current_setting('transaction_read_only') = 'on'").await?;
    row.try_get(0)
}

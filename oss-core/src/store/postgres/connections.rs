//! The one place that uses connections to PostgreSQL, and their time budget. Nothing else in the store touches the pool.
//!
//! Every step is a single statement, so the pool's connections never begin a transaction, and none can be left open there. A
//! connection whose statement did not end well is not given back: one whose peer has vanished would keep its place for ever.

use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{ConnectOptions, Connection, Executor, Postgres, Row};

use super::borrowing::Lender;
pub(super) use super::faults::{is_foreign_key_violation, is_unique_violation, store_error};
use super::repeats::{Failure, Repeats, leaves_connection_whole};
use super::writable::WritableCheck;
use crate::store::rows::usage;
use crate::store::{PoolUsage, StoreError};

/// The longest wait for a free connection.
pub(super) const ACQUIRE: Duration = Duration::from_secs(2);

/// The longest wait for the answer to a statement. A little more than the server's own `statement_timeout`, so that the
/// server's error is the one that is seen while the server is alive.
const STATEMENT: Duration = Duration::from_secs(4);

/// The longest that a statement may take which replaces a whole list.
const LONG: &str = "5min";

/// How long a connection is kept, so that a moved database is found again.
const LIFETIME: Duration = Duration::from_mins(10);

/// What bounds every session: a statement of a client that is gone must not wait for a lock and then commit, and nothing may
/// wait for long. Sessions are told at no round trip. A pooler may leave it out, so it is checked at the start.
const BOUNDS: [(&str, &str); 4] = [
    ("client_connection_check_interval", "1s"),
    ("lock_timeout", "500ms"),
    ("statement_timeout", "3s"),
    ("idle_in_transaction_session_timeout", "5s"),
];

/// When a peer that has vanished is found.
const KEEPALIVES: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "30"), ("tcp_keepalives_interval", "5"), ("tcp_keepalives_count", "3")];

/// The bounds that a session lacks, of names and the longest times.
const MISSING_BOUNDS: &str = "select string_agg(name || ' of ' || longest, ', ')
    from unnest($1::text[], $2::text[]) as bound (name, longest)
    where current_setting(name)::interval not between '1 ms' and longest::interval";

/// A statement with its values.
pub(super) type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// Bounds the sessions of a pool as the store needs it: no statement and no lock is waited for without end.
///
/// A pool of the embedder's own is made of such options, or its role has the bounds. Without them the store refuses to start.
#[must_use]
pub fn bounded(options: PgConnectOptions) -> PgConnectOptions {
    options.options(BOUNDS).options(KEEPALIVES)
}

/// A pool of the store's own. Opens no connection yet.
pub(super) fn pool(options: PgConnectOptions, size: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE)
        .max_lifetime(LIFETIME)
        // A dead connection is found by the statement that meets it, and the statement is run again on another.
        .test_before_acquire(false)
        .connect_lazy_with(bounded(options).disable_statement_logging())
}

#[derive(Debug)]
pub(super) struct Connections {
    lender: Lender,
    writable: WritableCheck,
}

impl Connections {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { lender: Lender::new(pool), writable: WritableCheck::new() }
    }

    pub(super) fn usage(&self) -> PoolUsage {
        usage("statements", self.lender.pool())
    }

    /// Whether sessions are bounded as they have to be.
    pub(super) async fn check_bounds(&self) -> Result<(), StoreError> {
        let (names, longest): (Vec<_>, Vec<_>) = BOUNDS.into_iter().unzip();
        let statement = || sqlx::query(MISSING_BOUNDS).bind(names.clone()).bind(longest.clone());
        let missing: Option<String> = self.one(statement, |row| row.try_get(0)).await?;
        missing.map_or(Ok(()), |missing| {
            Err(StoreError::failed(format!(
                "its sessions lack {missing} at most; where a pooler cannot pass that on, give it to the role \
                 (`alter role … set …`)"
            )))
        })
    }

    /// The rows of a statement. It is built and run again if its connection turned out to be dead, if it collided with another
    /// statement, or if the database is read-only: every statement of this store may be repeated.
    pub(super) async fn rows<'q>(
        &self,
        statement: impl Fn() -> Statement<'q>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let mut repeats = Repeats::new(self.lender.pool().options().get_max_connections());
        loop {
            let failure = match self.attempt(statement()).await {
                Ok(rows) => return Ok(rows),
                Err(failure) => failure,
            };
            let Some(pause) = repeats.pause_after(&failure) else {
                return Err(self.lender.target().error_of(&failure));
            };
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// Reads the rows of a statement together.
    pub(super) async fn read<'q, T>(
        &self,
        statement: impl Fn() -> Statement<'q>,
        read: impl FnOnce(&[PgRow]) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        read(&self.rows(statement).await?).map_err(|error| store_error(&error))
    }

    /// Reads each row of a statement.
    pub(super) async fn all<'q, T>(
        &self,
        statement: impl Fn() -> Statement<'q>,
        read: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, StoreError> {
        self.read(statement, |rows| rows.iter().map(read).collect()).await
    }

    /// Reads the only row of a statement, if it has one.
    pub(super) async fn maybe<'q, T>(
        &self,
        statement: impl Fn() -> Statement<'q>,
        read: impl FnOnce(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<Option<T>, StoreError> {
        self.read(statement, |rows| rows.first().map(read).transpose()).await
    }

    /// Reads the only row of a statement that always has one.
    pub(super) async fn one<'q, T>(
        &self,
        statement: impl Fn() -> Statement<'q>,
        read: impl FnOnce(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        self.read(statement, |rows| rows.first().ok_or(sqlx::Error::RowNotFound).and_then(read)).await
    }

    /// Reads the only row of a long statement, on a connection of its own that is given more time. It is run once.
    pub(super) async fn on_own_connection<T>(
        &self,
        statement: Statement<'_>,
        read: impl FnOnce(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let mut connection = self.lender.open().await?;
        let outcome = async {
            let mut transaction = connection.begin().await?;
            // For the transaction and not for the session, which may be another client's next: that of a pooler.
            let more_time = sqlx::query("select set_config('statement_timeout', $1, true)").bind(LONG);
            transaction.execute(more_time).await?;
            let row = transaction.fetch_one(statement).await?;
            transaction.commit().await?;
            let _ = connection.close().await;
            read(&row)
        };
        outcome.await.map_err(|error: sqlx::Error| store_error(&error))
    }

    async fn attempt(&self, statement: Statement<'_>) -> Result<Vec<PgRow>, Failure> {
        self.writable.refuse_while_pausing()?;
        let mut borrowed = self.lender.borrow().await?;
        let Some(connection) = borrowed.connection() else { return Err(sqlx::Error::PoolClosed.into()) };
        let run = async {
            self.writable.check(connection).await?;
            Ok(connection.fetch_all(statement).await?)
        };
        let outcome = tokio::time::timeout(STATEMENT, run)
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into()));
        if outcome.as_ref().err().is_none_or(leaves_connection_whole) {
            borrowed.give_back();
        }
        outcome
    }
}

/// The options of a connection that migrates. A role may have the bounds of the service, which are too narrow for that.
#[cfg(feature = "import")]
pub(super) fn migration_options(url: &SecretString) -> Result<PgConnectOptions, StoreError> {
    Ok(options(url)?.options(BOUNDS.map(|(name, _)| (name, "0"))))
}

pub(super) fn options(url: &SecretString) -> Result<PgConnectOptions, StoreError> {
    PgConnectOptions::from_str(url.expose_secret())
        .map_err(|_| StoreError::failed("the database URL is not postgres://user@host:port/name"))
}

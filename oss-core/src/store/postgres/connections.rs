//! Uses the connections to PostgreSQL, and limits their time. No other module of the store uses the pool.
//!
//! Every step is a single statement, so a connection of the pool never begins a transaction and cannot leave one open. If a
//! statement's connection may be broken, it is not given back, because a connection to a vanished peer would keep its slot for
//! ever.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "import")]
use secrecy::SecretString;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{ConnectOptions, Connection, Executor, Postgres, Row};

use super::borrowing::Lender;
pub(super) use super::faults::{is_foreign_key_violation, is_unique_violation, store_error};
use super::hosts::Hosts;
use super::repeats::{Failure, Repeats, is_unreachable, leaves_connection_usable};
use super::writable::WritableCheck;
use crate::store::batch::{Answers, BatchError, Engine};
use crate::store::rows::usage;
use crate::store::{PoolUsage, StoreError};

/// The longest wait for a free connection.
pub(super) const ACQUIRE: Duration = Duration::from_secs(2);

/// The longest wait for the answer to a statement. It is a little longer than the server's `statement_timeout`, so that callers
/// get the server's own error while the server is alive.
const STATEMENT: Duration = Duration::from_secs(4);

/// The longest time for a statement that replaces a whole list.
const LONG: &str = "5min";

/// The time after which a connection is replaced, so that a moved database is found again.
const LIFETIME: Duration = Duration::from_mins(10);

/// The limits of every session: a statement whose client is gone must not wait for a lock and then commit, and no statement may
/// wait for long. They are part of the connection start-up, so they cost no round trip. A pooler may drop them, so they are
/// checked at the start.
const BOUNDS: [(&str, &str); 4] = [
    ("client_connection_check_interval", "1s"),
    ("lock_timeout", "500ms"),
    ("statement_timeout", "3s"),
    ("idle_in_transaction_session_timeout", "5s"),
];

/// The TCP keep-alive settings, by which a vanished peer is detected.
const KEEPALIVES: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "30"), ("tcp_keepalives_interval", "5"), ("tcp_keepalives_count", "3")];

/// Finds the bounds that a session lacks, by names and the longest times.
const MISSING_BOUNDS: &str = "select string_agg(name || ' of ' || longest, ', ')
    from unnest($1::text[], $2::text[]) as bound (name, longest)
    where current_setting(name)::interval not between '1 ms' and longest::interval";

/// The values of a parameter that is an array with an element for each member of a batch.
pub(super) fn column<'m, M, T>(members: &'m [M], value: impl Fn(&'m M) -> T) -> Vec<T> {
    members.iter().map(value).collect()
}

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
pub(in crate::store) struct Connections {
    lender: Arc<Lender>,
    writable: WritableCheck,
    /// The search for the host that accepts writes, if the URL names several hosts.
    hosts: Option<Hosts>,
}

impl Connections {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { lender: Arc::new(Lender::new(pool)), writable: WritableCheck::new(), hosts: None }
    }

    /// Uses a pool of its own, which follows the one of several hosts that accepts writes.
    pub(super) fn following(hosts: Vec<PgConnectOptions>, size: u32) -> Result<Self, StoreError> {
        let Some(first) = hosts.first() else {
            return Err(StoreError::failed("the database URL names no host"));
        };
        let mut connections = Self::new(pool(first.clone(), size));
        if hosts.len() > 1 {
            let hosts = hosts.into_iter().map(|host| bounded(host).disable_statement_logging()).collect();
            connections.hosts = Some(Hosts::watch(connections.lender.clone(), hosts));
        }
        Ok(connections)
    }

    /// Waits until each of several hosts was asked once whether it accepts writes.
    pub(super) async fn find_host(&self) {
        if let Some(hosts) = &self.hosts {
            hosts.first_round().await;
        }
    }

    pub(super) fn usage(&self) -> PoolUsage {
        usage("statements", &self.lender.pool())
    }

    /// Checks that sessions have the bounds.
    pub(super) async fn check_bounds(&self) -> Result<(), StoreError> {
        let (names, longest): (Vec<_>, Vec<_>) = BOUNDS.into_iter().unzip();
        let statement = || sqlx::query(MISSING_BOUNDS).bind(names.clone()).bind(longest.clone());
        let missing: Option<String> = self.one(statement, |row| row.try_get(0)).await?;
        missing.map_or(Ok(()), |missing| {
            Err(StoreError::failed(format!(
                "its sessions lack {missing} at most; if a pooler does not pass that on, set it for the role \
                 (`alter role … set …`)"
            )))
        })
    }

    /// Runs a statement and returns its rows. Builds and runs it again if its connection was dead, if it collided with another
    /// statement, or if the database is read-only. Every statement of this store may be repeated.
    pub(super) async fn rows<'q>(
        &self,
        statement: impl Fn() -> Statement<'q>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let rows = self.repeated(statement, Repeats::new(self.pool_size())).await;
        rows.map_err(|failure| self.error_of(&failure))
    }

    /// Runs one statement for several members of a batch, and reads the row of each. A row names its member in `nr`, from 1 on; a
    /// member may have none.
    ///
    /// The statement reads its arrays as `(select $1::uuid[])`, so that PostgreSQL does not see their lengths. Otherwise it would make
    /// a plan for each length, which takes longer than the statement. If a batch collides with another statement, it is not run
    /// again, because its members are then tried one by one.
    pub(super) async fn each<'q, T>(
        &self,
        members: usize,
        statement: impl Fn() -> Statement<'q>,
        read: impl Fn(usize, &PgRow) -> Result<T, sqlx::Error>,
    ) -> Answers<Option<T>> {
        let mut repeats = Repeats::new(self.pool_size());
        if members > 1 {
            repeats = repeats.without_collisions();
        }
        let rows = self.repeated(statement, repeats).await.map_err(|failure| {
            let error = self.error_of(&failure);
            if is_unreachable(&failure) { BatchError::Unreachable(error) } else { BatchError::Refused(error) }
        })?;
        let mut answers: Vec<_> = (0..members).map(|_| Ok(None)).collect();
        for row in &rows {
            let nr = row.try_get("nr").map(|nr: i64| usize::try_from(nr - 1).unwrap_or(usize::MAX));
            let nr = nr.map_err(|error| BatchError::Refused(store_error(&error)))?;
            if let Some(answer) = answers.get_mut(nr) {
                *answer = read(nr, row).map(Some).map_err(|error| store_error(&error));
            }
        }
        Ok(answers)
    }

    /// Runs one statement for several members of a batch, and reads the row of each, which it always has.
    pub(super) async fn each_one<'q, T>(
        &self,
        members: usize,
        statement: impl Fn() -> Statement<'q>,
        read: impl Fn(usize, &PgRow) -> Result<T, sqlx::Error>,
    ) -> Answers<T> {
        let missing = || store_error(&sqlx::Error::RowNotFound);
        let rows = self.each(members, statement, read).await?;
        Ok(rows.into_iter().map(|row| row.and_then(|row| row.ok_or_else(missing))).collect())
    }

    fn pool_size(&self) -> u32 {
        self.lender.pool().options().get_max_connections()
    }

    async fn repeated<'q>(
        &self,
        statement: impl Fn() -> Statement<'q>,
        mut repeats: Repeats,
    ) -> Result<Vec<PgRow>, Failure> {
        loop {
            let failure = match self.attempt_unless_moved(statement()).await {
                Ok(rows) => return Ok(rows),
                Err(failure) => failure,
            };
            let Some(pause) = repeats.pause_after(&failure) else { return Err(failure) };
            self.search_host_after(&failure);
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
    }

    fn search_host_after(&self, failure: &Failure) {
        let is_of_statement = matches!(failure, Failure::Sql(error) if error.as_database_error().is_some());
        if let Some(hosts) = self.hosts.as_ref().filter(|_| !is_of_statement) {
            hosts.search();
        }
    }

    /// Describes why a statement could not be run: by the state of all hosts, if there are several and none accepts writes.
    fn error_of(&self, failure: &Failure) -> StoreError {
        self.search_host_after(failure);
        let fault = self.hosts.as_ref().and_then(Hosts::fault);
        match failure {
            Failure::Sql(_) => self.lender.target().error_of(failure),
            _ => fault.unwrap_or_else(|| self.lender.target().error_of(failure)),
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

    /// Runs a long statement once, on a connection of its own with more time, and reads its only row.
    pub(super) async fn on_own_connection<T>(
        &self,
        statement: Statement<'_>,
        read: impl FnOnce(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let mut connection = self.lender.open().await?;
        let outcome = async {
            let mut transaction = connection.begin().await?;
            // Set for the transaction only, because a pooler may give the session to another client next.
            let more_time = sqlx::query("select set_config('statement_timeout', $1, true)").bind(LONG);
            transaction.execute(more_time).await?;
            let row = transaction.fetch_one(statement).await?;
            transaction.commit().await?;
            let _ = connection.close().await;
            read(&row)
        };
        outcome.await.map_err(|error: sqlx::Error| store_error(&error))
    }

    /// Gives up if another host is found meanwhile, because the host that was asked may never answer.
    async fn attempt_unless_moved(&self, statement: Statement<'_>) -> Result<Vec<PgRow>, Failure> {
        let Some(hosts) = &self.hosts else { return self.attempt(statement).await };
        let mut moves = hosts.moves();
        tokio::select! {
            biased;
            outcome = self.attempt(statement) => outcome,
            _ = moves.changed() => Err(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()).into()),
        }
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
        if outcome.as_ref().err().is_none_or(leaves_connection_usable) {
            borrowed.give_back();
        }
        outcome
    }
}

impl Engine for Connections {
    // While one commits, the next one is executed. With more of them, each would be shared by fewer callers.
    const SLOTS: usize = 2;
    const SLOW: Duration = Duration::from_millis(250);
    const PATIENCE: Duration = ACQUIRE;

    fn too_busy(&self) -> StoreError {
        self.lender.none_free()
    }
}

/// The options of a connection for migrations, to the host that accepts writes if there are several. The role may have the bounds
/// of the service, which are too short for migrations.
#[cfg(feature = "import")]
pub(super) async fn migration_options(url: &SecretString) -> Result<PgConnectOptions, StoreError> {
    let hosts = super::address::hosts(url)?;
    let options = match &hosts[..] {
        [only] => only.clone(),
        several => super::hosts::writable(several).await?,
    };
    Ok(options.options(BOUNDS.map(|(name, _)| (name, "0"))))
}

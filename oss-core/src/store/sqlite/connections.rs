//! Owns the connections to SQLite. No other module uses the pools.
//!
//! One connection writes (see [`writer`](super::writer)) and a few read (write-ahead log), so that a reader never waits for a
//! writer.

use std::fmt;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Executor, Row};
use tokio::sync::oneshot;

use super::catalog;
use super::faults::{code, missing_folder, store_error};
pub(super) use super::writer::Step;
use super::writer::{Statement, Work, Write, Writer};
use crate::domain::ClientName;
use crate::store::batch::Batcher;
use crate::store::catalog::first_edition;
use crate::store::migrations::VERSIONS;
use crate::store::migrator::Applied;
use crate::store::rows::usage;
use crate::store::{PoolUsage, StoreError, migrator};

/// The clock of a SQLite database. The database runs in this process, so a test can give it a clock of its own.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Returns the current time.
    fn now(&self) -> DateTime<Utc>;
}

/// The clock of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "SQLite has no clock of its own; this is it")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A time in the database: microseconds since 1970, UTC.
#[derive(Debug, Clone, Copy)]
pub(super) struct Micros(pub(super) i64);

impl Micros {
    /// This time plus `wait`.
    pub(super) fn after(self, wait: Duration) -> i64 {
        self.0.saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX))
    }

    /// This time minus `age`.
    pub(super) fn before(self, age: Duration) -> i64 {
        self.0.saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The longest wait of a write for the write of another process.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// The count of connections that read.
const READERS: u32 = 4;

/// The connections of one database. Cheap to clone; every clone has the same ones.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    writes: Arc<Batcher<Write>>,
    writer: SqlitePool,
    readers: SqlitePool,
    clock: Arc<dyn Clock>,
    /// The database's file, as errors name it.
    file: Arc<Path>,
    /// The client whose steps these are.
    client: Option<Arc<str>>,
}

impl Connections {
    /// Creates the pools. Opens no connection yet. A database in memory exists in one connection, which both writes and reads.
    pub(super) fn new(url: &SecretString, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let options = options(url)?;
        let file: Arc<Path> = options.get_filename().into();
        let writer = pool(1).connect_lazy_with(options.clone());
        let readers = if is_in_memory(url) {
            writer.clone()
        } else {
            pool(READERS).connect_lazy_with(options.pragma("query_only", "on"))
        };
        let engine = Writer::new(writer.clone(), clock.clone(), Arc::clone(&file));
        let batcher = Arc::new(Batcher::new(Arc::new(engine)));
        Ok(Self { writes: batcher, writer, readers, clock, file, client: None })
    }

    /// Returns these connections for the steps of a client.
    pub(super) fn on_behalf_of(&self, client: Option<&ClientName>) -> Self {
        Self { client: client.map(|client| client.as_str().into()), ..self.clone() }
    }

    /// Runs a step in one transaction, which it may share with other steps.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: for<'c> FnOnce(Step<'c>) -> Work<'c, T> + Send + 'static,
        T: Send + 'static,
    {
        let (sender, mut value) = oneshot::channel();
        self.writes
            .execute(Write::new(self.client.clone(), move |step| {
                Box::pin(async move {
                    let _ = sender.send(work(step).await?);
                    Ok(())
                })
            }))
            .await?;
        // The value is read after the commit only.
        value.try_recv().map_err(|_| StoreError::failed("the write stopped and was rolled back"))
    }

    /// Describes an error of the database.
    pub(super) fn store_error(&self, error: &sqlx::Error) -> StoreError {
        store_error(&self.file, error)
    }

    pub(super) fn oldest_write(&self) -> Duration {
        self.writes.oldest()
    }

    pub(super) fn usage(&self) -> Vec<PoolUsage> {
        vec![usage("writer", &self.writer), usage("readers", &self.readers)]
    }

    /// The current time, for steps that only read.
    pub(super) fn now(&self) -> Micros {
        micros(&*self.clock)
    }

    /// Reads the rows of a statement together.
    pub(super) async fn read<T>(
        &self,
        statement: Statement<'_>,
        read: impl FnOnce(&[SqliteRow]) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let rows = statement.fetch_all(&self.readers).await;
        rows.and_then(|rows| read(&rows)).map_err(|error| self.store_error(&error))
    }

    /// Reads each row of a statement.
    pub(super) async fn all<T>(
        &self,
        statement: Statement<'_>,
        read: impl Fn(&SqliteRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, StoreError> {
        self.read(statement, |rows| rows.iter().map(read).collect()).await
    }

    /// Reads the only row of a statement, if it has one.
    pub(super) async fn maybe<T>(
        &self,
        statement: Statement<'_>,
        read: impl FnOnce(&SqliteRow) -> Result<T, sqlx::Error>,
    ) -> Result<Option<T>, StoreError> {
        self.read(statement, |rows| rows.first().map(read).transpose()).await
    }

    /// Reads the only row of a statement that always has one.
    pub(super) async fn one<T>(
        &self,
        statement: Statement<'_>,
        read: impl FnOnce(&SqliteRow) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        self.read(statement, |rows| rows.first().ok_or(sqlx::Error::RowNotFound).and_then(read)).await
    }

    /// Migrates a database in memory. `oss migrate` cannot, because no other process sees it.
    pub(super) async fn migrate_in_memory(&self) -> Result<(), StoreError> {
        let mut connection = self.writer.acquire().await.map_err(|error| store_error(&self.file, &error))?;
        migrate_and_seed(&mut connection, &self.file).await
    }
}

pub(super) fn micros(clock: &dyn Clock) -> Micros {
    Micros(clock.now().timestamp_micros())
}

pub(super) fn is_in_memory(url: &SecretString) -> bool {
    let place = url.expose_secret().trim_start_matches("sqlite:").trim_start_matches("//");
    let (file, query) = place.split_once('?').unwrap_or((place, ""));
    file == ":memory:" || query.split('&').any(|pair| pair == "mode=memory")
}

/// Creates the file if there is none, and migrates it to this version.
pub(super) async fn migrate(url: &SecretString) -> Result<(), StoreError> {
    let options = options(url)?.create_if_missing(true);
    let file = options.get_filename();
    if !is_in_memory(url) {
        create_private(file)?;
    }
    let mut connection = options.connect().await.map_err(|error| store_error(file, &error))?;
    let migrated = migrate_and_seed(&mut connection, file).await;
    let _ = connection.close().await;
    migrated
}

/// Creates the file if there is none. Only its owner can read it, because it contains phone numbers. SQLite gives its log files
/// the same mode. The mode of an existing file is not changed.
fn create_private(file: &Path) -> Result<(), StoreError> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    match created {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(missing_folder(file).unwrap_or_else(|| {
            StoreError::unavailable(format!("{} cannot be created: {}", file.display(), error.kind()))
        })),
    }
}

/// Creates the tables, and fills the device catalogue if there never was one.
async fn migrate_and_seed(connection: &mut SqliteConnection, file: &Path) -> Result<(), StoreError> {
    let migrator = migrator::sqlite()?;
    let migrated = async {
        connection.ensure_migrations_table(VERSIONS).await?;
        record_earlier_versions(connection, &migrator).await?;
        migrator.run(&mut *connection).await
    };
    migrated.await.map_err(|error: MigrateError| match migrator::cause(&error) {
        // The file cannot be used, so this is no fault of the migration.
        Some(cause) if code(cause).is_some_and(|code| code & 0xff > 1) => store_error(file, cause),
        _ => migrator::failure(&error),
    })?;
    let first = first_edition()?;
    let filled = async {
        let mut transaction = connection.begin_with("begin immediate").await?;
        catalog::change_devices(&mut transaction, first).await?;
        transaction.commit().await
    };
    filled.await.map_err(|error| store_error(file, &error))
}

/// Records the migrations of an earlier version of this service, which kept its versions in sqlx's own table. The existing tables
/// show which versions were applied.
async fn record_earlier_versions(
    connection: &mut SqliteConnection,
    migrator: &Migrator,
) -> Result<(), MigrateError> {
    const SQL: &str = "
        select exists (select 1 from oss_migrations) as recorded,
               exists (select 1 from sqlite_schema where name = 'reservation') as numbers,
               exists (select 1 from sqlite_schema where name = 'reference_data') as devices";
    let row = connection.fetch_one(SQL).await?;
    if row.try_get("recorded")? {
        return Ok(());
    }
    let applied = Applied { numbers: row.try_get("numbers")?, devices: row.try_get("devices")? };
    for migration in migrator.iter().filter(|migration| applied.has(migration.version)) {
        connection.skip(VERSIONS, migration).await?;
    }
    Ok(())
}

fn options(url: &SecretString) -> Result<SqliteConnectOptions, StoreError> {
    let options = SqliteConnectOptions::from_str(url.expose_secret())
        .map_err(|_| StoreError::failed("the database URL is not sqlite://path/to/file"))?;
    // With the write-ahead log only FULL survives a power cut. NORMAL may lose the row that records what Sigan was asked.
    Ok(options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .disable_statement_logging())
}

fn pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .acquire_timeout(BUSY + BUSY)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

//! The databases that a test runs on.

use std::path::Path;
use std::sync::Arc;

use oss_core::SimId;
use oss_core::store::{PostgresStore, SqliteStore, Store, SystemClock};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::eventually::eventually;
use crate::postgres::Postgres;

/// Runs each test, a function of a [`Database`], on both databases.
#[macro_export]
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test($crate::backend::Database::sqlite().await).await; })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test($crate::backend::Database::postgres().await).await; })+
        }
    };
}

/// The tables and a few rows of the database that existed before this service.
pub(crate) const EXISTING: &str = include_str!("../cases/existing_database.sql");

/// A database of one test, with the tables and the reference data.
#[derive(Debug)]
pub struct Database {
    url: SecretString,
    _dir: Option<TempDir>,
}

impl Database {
    /// A database on the PostgreSQL server of this test process.
    pub async fn postgres() -> Self {
        Self { url: Postgres::shared().await.database().await, _dir: None }
    }

    /// A database that existed before this service, with rows of years, after the migration.
    pub async fn existing() -> Self {
        Self { url: Postgres::shared().await.existing_database().await, _dir: None }
    }

    /// A database that existed before this service, before the migration.
    pub async fn existing_unmigrated() -> Self {
        let database = Self { url: Postgres::shared().await.empty_database().await, _dir: None };
        database.execute(EXISTING).await;
        database
    }

    /// A database on a PostgreSQL server of the test's own.
    pub async fn on(postgres: &Postgres) -> Self {
        Self { url: postgres.database().await, _dir: None }
    }

    /// An empty database on a PostgreSQL server of the test's own.
    pub async fn empty_on(postgres: &Postgres) -> Self {
        Self { url: postgres.empty_database().await, _dir: None }
    }

    /// A database at an address, with the tables.
    pub(crate) fn at(url: &str) -> Self {
        Self { url: url.into(), _dir: None }
    }

    /// A SQLite file.
    pub async fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let database = Self::sqlite_in(dir.path()).await;
        Self { _dir: Some(dir), ..database }
    }

    /// SQLite in memory. Other connections of this process reach it while a store is open.
    pub(crate) fn sqlite_memory() -> Self {
        Self { url: format!("sqlite://file:{}?mode=memory", uuid::Uuid::now_v7()).into(), _dir: None }
    }

    /// A SQLite file that exists already.
    #[must_use]
    pub fn file(file: &Path) -> Self {
        Self { url: sqlite_url(file), _dir: None }
    }

    /// A SQLite file in a folder of the test's own.
    pub async fn sqlite_in(dir: &Path) -> Self {
        static MIGRATED: OnceCell<Vec<u8>> = OnceCell::const_new();
        let file = dir.join("oss.db");
        std::fs::write(&file, MIGRATED.get_or_init(migrated_file).await).expect("the file is written");
        Self { url: sqlite_url(&file), _dir: None }
    }

    /// A copy of a database on PostgreSQL in its current state, like a backup that is restored.
    pub async fn copy(&self) -> Self {
        let (server, name) = self.url().rsplit_once('/').expect("an address ends with the name");
        self.execute(&format!("create database copy_of_{name} template {name}")).await;
        Self { url: format!("{server}/copy_of_{name}").into(), _dir: None }
    }

    /// This database behind another port.
    #[must_use]
    pub fn behind(&self, port: u16) -> Self {
        let (before, name) = self.url().rsplit_once('/').unwrap_or_default();
        let host = before.rsplit_once(':').map_or(before, |(host, _)| host);
        Self { url: format!("{host}:{port}/{name}").into(), _dir: None }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.expose_secret()
    }

    /// The name of the database, on a server.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        self.url().rsplit('/').next().unwrap_or_default()
    }

    /// A store on it.
    pub async fn store(&self) -> Arc<dyn Store> {
        if self.is_postgres() {
            Arc::new(PostgresStore::new(&self.url, 10).expect("the URL is one of PostgreSQL"))
        } else {
            Arc::new(SqliteStore::open(&self.url, Arc::new(SystemClock)).await.expect("the file opens"))
        }
    }

    /// Whether it is on PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        self.url().starts_with("postgres")
    }

    /// Runs a statement outside the store, as another program would.
    pub async fn execute(&self, sql: &str) {
        self.try_execute(sql).await.expect("the statement runs");
    }

    /// Runs a statement outside the store that may fail.
    ///
    /// # Errors
    ///
    /// The database's own.
    pub async fn try_execute(&self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_postgres() {
            let mut connection = PgConnection::connect(self.url()).await.expect("PostgreSQL answers");
            connection.execute(sql).await.map(drop)
        } else {
            let mut connection = SqliteConnection::connect(self.url()).await.expect("the file opens");
            connection.execute(sql).await.map(drop)
        }
    }

    /// Adds an active SIM of the brand `acme`, without a number, as the service that orders SIMs would.
    pub async fn add_sim(&self) -> SimId {
        let id = SimId::new();
        self.add_sims("acme", &[id]).await;
        id
    }

    /// Adds active SIMs of a brand, without numbers.
    pub async fn add_sims(&self, brand: &str, ids: &[SimId]) {
        // The existing database has a table of lines, and this one is in it.
        let line = self.uuid_literal("018f0000-0000-7000-9000-000000000001".parse().expect("a UUID"));
        let (now, mut rows) = (self.now(), Vec::new());
        for id in ids {
            // No other SIM has its identifiers.
            let digits = id.as_uuid().as_u128() % 10_u128.pow(10);
            let id = self.uuid_literal(id.as_uuid());
            rows.push(format!(
                "({id}, '895510099{digits:010}', '{brand}', {line}, '72406{digits:010}', 'ESIM', '4G', 'ACTIVE', {now}, {now})"
            ));
        }
        let sql = format!(
            "insert into sim
                 (id, iccid, carrier_tag, line_id, vivo_imsi, sim_type, technology, status, created_at, updated_at)
             values {}",
            rows.join(", ")
        );
        self.execute(&sql).await;
    }

    /// Holds the write lock of a SQLite file, until the value is dropped.
    pub async fn lock(&self) -> SqliteConnection {
        let mut connection = SqliteConnection::connect(self.url()).await.expect("the file opens");
        connection.execute("begin immediate").await.expect("the lock is free");
        connection
    }

    /// The number that a query answers.
    pub async fn count(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_postgres() {
            let mut connection = PgConnection::connect(self.url()).await.expect("PostgreSQL answers");
            connection.fetch_one(sql).await.expect("the query runs").get(0)
        } else {
            let mut connection = SqliteConnection::connect(self.url()).await.expect("the file opens");
            connection.fetch_one(sql).await.expect("the query runs").get(0)
        }
    }

    /// The texts that a query answers, of one column.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_postgres() {
            let mut connection = PgConnection::connect(self.url()).await.expect("PostgreSQL answers");
            let rows = connection.fetch_all(sql).await.expect("the query runs");
            rows.iter().map(|row| row.get(0)).collect()
        } else {
            let mut connection = SqliteConnection::connect(self.url()).await.expect("the file opens");
            let rows = connection.fetch_all(sql).await.expect("the query runs");
            rows.iter().map(|row| row.get(0)).collect()
        }
    }

    /// Waits until a query counts this many rows, because work without a caller is done in the background.
    pub async fn wait_for_count(&self, sql: &str, count: i64) {
        eventually(async || {
            let counted = self.count(sql).await;
            (counted == count).then_some(()).ok_or_else(|| format!("{sql}: {counted} and not {count}"))
        })
        .await;
    }

    /// The identity that the migration gave it.
    pub async fn installation(&self) -> uuid::Uuid {
        let text = if self.is_postgres() { "id::text" } else { "hex(id)" };
        let ids = self.texts(&format!("select {text} from oss_installation")).await;
        ids[0].parse().expect("a UUID")
    }

    /// The text of an identifier, as the database writes a literal of it.
    #[must_use]
    pub fn uuid_literal(&self, id: uuid::Uuid) -> String {
        if self.is_postgres() { format!("'{id}'") } else { format!("x'{}'", id.simple()) }
    }

    /// The time now, as an expression of the database.
    #[must_use]
    pub fn now(&self) -> &'static str {
        if self.is_postgres() { "now()" } else { "(unixepoch() * 1000000)" }
    }
}

/// A SQLite file with the tables and the reference data. Every file of this process starts as a copy, because a migration takes longer.
async fn migrated_file() -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("oss.db");
    SqliteStore::migrate(&sqlite_url(&file)).await.expect("the migrations run");
    std::fs::read(file).expect("the file is read")
}

fn sqlite_url(file: &Path) -> SecretString {
    format!("sqlite://{}", file.display()).into()
}

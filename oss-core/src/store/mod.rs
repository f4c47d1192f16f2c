//! What the operations ask of a database, and what it answers.
//!
//! A method here is one step of the domain, not one row: each backend takes it in as few round trips as it can. The database
//! is the judge of every race: its indexes refuse a second holder of a number. Backends know no operation and call nobody.

mod adoptions;
mod attempts;
mod audit;
mod catalog;
mod lines;
mod live;
mod migrations;
#[cfg(feature = "import")]
mod migrator;
mod offering;
mod postgres;
mod previews;
mod random;
mod releases;
mod rows;
mod sims;
#[cfg_attr(not(feature = "sqlite"), path = "no_sqlite.rs")]
mod sqlite;
mod sweep;
mod tenant;

use std::fmt;
use std::sync::Arc;
#[cfg(feature = "import")]
use std::time::Duration;

pub use adoptions::AdoptionStore;
use async_trait::async_trait;
pub use attempts::AttemptStore;
pub use audit::AuditStore;
pub use catalog::CatalogStore;
pub use lines::LineStore;
#[cfg(feature = "import")]
pub use migrator::MigrationReport;
pub use postgres::{PostgresStore, bounded};
pub use previews::PreviewStore;
pub use random::RandomStore;
pub use releases::ReleaseStore;
use secrecy::{ExposeSecret, SecretString};
#[cfg(feature = "sqlite")]
pub use sqlite::{Clock, SqliteStore, SystemClock};
pub use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
pub use sweep::SweepStore;

pub use crate::domain::{
    AdoptOutcome, AdoptRefusal, Adoption, Assign, Begin, BeginRandom, Census, Claims, Confirmed, Delivery,
    Due, HeldNumber, HeldPage, Intent, Keyed, KeyedPreview, KnownHold, Lease, LiveHold, NewPreview,
    OtherNumber, Overdue, PoolUsage, PreviousPreview, Range, Release, Scope, Tenant, UnreadableRow,
};

/// Where the database is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DatabaseConfig {
    /// `postgres://…` or `sqlite://…`; wrapped, because it may carry a password.
    pub url: SecretString,
    /// How many connections to PostgreSQL are kept at most.
    pub pool: u32,
}

/// Why the database did not do what it was asked.
///
/// The reason is in words or a code, and may name the server or the file. It never has the text of the database, which repeats
/// values, nor a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, is too busy, or cannot write. Worth trying again.
    #[error("the database is not available: {reason}")]
    Unavailable {
        /// The reason, and what to do.
        reason: String,
    },
    /// It refused a statement, or holds a row that cannot be read.
    #[error("the database cannot be used: {reason}")]
    Failed {
        /// The reason, and what to do.
        reason: String,
    },
}

impl StoreError {
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into() }
    }

    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into() }
    }

    /// Whether the same step may succeed a moment later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// The database, as the operations see it: a trait for each aggregate.
///
/// Every method is one step that happens whole or not at all. Each may be repeated after an error: a step that had
/// happened after all is recognised by the ids its caller chose. A step that is confined to a [`Scope`] answers for what
/// belongs to another brand as it does for what does not exist.
#[async_trait]
pub trait Store:
    PreviewStore
    + AttemptStore
    + RandomStore
    + ReleaseStore
    + LineStore
    + AdoptionStore
    + SweepStore
    + AuditStore
    + CatalogStore
    + Send
    + Sync
    + fmt::Debug
{
    /// Whether the database answers and has the tables of this version.
    async fn check(&self) -> Result<(), StoreError>;

    /// How the connections are used now. Asks nobody.
    fn pools(&self) -> Vec<PoolUsage>;
}

/// The database that a store works on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Database {
    /// The one at a URL, with a pool of the store's own.
    Url(DatabaseConfig),
    /// PostgreSQL, with a pool of the store's own of at most so many connections.
    Options(Box<PgConnectOptions>, u32),
    /// PostgreSQL, through a pool that the embedder has, whose sessions are [`bounded`].
    Pool(PgPool),
}

impl From<&DatabaseConfig> for Database {
    fn from(config: &DatabaseConfig) -> Self {
        Self::Url(config.clone())
    }
}

impl From<(PgConnectOptions, u32)> for Database {
    fn from((options, connections): (PgConnectOptions, u32)) -> Self {
        Self::Options(Box::new(options), connections)
    }
}

impl From<PgPool> for Database {
    fn from(pool: PgPool) -> Self {
        Self::Pool(pool)
    }
}

/// A store on a database. Its tables are those of [`migrate`].
///
/// # Errors
///
/// [`StoreError`] where the URL is neither one of PostgreSQL nor one of SQLite.
pub async fn connect(database: impl Into<Database>) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match database.into() {
        Database::Url(config) if is_sqlite(&config) => sqlite::open(&config.url).await?,
        Database::Url(config) => Arc::new(PostgresStore::new(&config.url, config.pool)?),
        Database::Options(options, connections) => {
            Arc::new(PostgresStore::with_options(*options, connections))
        }
        Database::Pool(pool) => Arc::new(PostgresStore::with_pool(pool)),
    })
}

/// Brings the tables and the reference data of the configured database to this version.
///
/// Numbers that were held before this service recorded reservations get one. Those that are not on a line are held for
/// `reservation_ttl` from now on.
///
/// # Errors
///
/// [`StoreError`] if the database cannot be reached or used, or a migration fails.
#[cfg(feature = "import")]
pub async fn migrate(
    config: &DatabaseConfig,
    reservation_ttl: Duration,
) -> Result<MigrationReport, StoreError> {
    if is_sqlite(config) {
        // A database on SQLite was made by this service.
        sqlite::migrate(&config.url).await.map(|()| MigrationReport::default())
    } else {
        PostgresStore::migrate(&config.url, reservation_ttl).await
    }
}

fn is_sqlite(config: &DatabaseConfig) -> bool {
    config.url.expose_secret().starts_with("sqlite:")
}

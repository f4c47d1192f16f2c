//! The database: a port with one trait for each aggregate, and its adapters to PostgreSQL and SQLite.
//!
//! A method is one step of the domain and not one row. Each adapter takes as few round trips for it as it can. The database
//! decides every race: its indexes refuse a second holder of a number. Adapters do not depend on operations.

mod adoptions;
mod attempts;
mod audit;
mod batch;
mod catalog;
mod events;
mod extensions;
mod inspection;
mod lines;
mod listing;
mod live;
mod migrations;
#[cfg(feature = "import")]
mod migrator;
mod offering;
mod orders;
mod postgres;
mod previews;
mod random;
mod releases;
mod rows;
mod search;
mod sessions;
mod settlements;
mod sim_audit;
mod sim_records;
mod sims;
#[cfg_attr(not(feature = "sqlite"), path = "no_sqlite.rs")]
mod sqlite;
mod statistics;
mod stories;
mod sweep;
mod tenant;
mod unsettled;
mod webhooks;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use adoptions::AdoptionStore;
use async_trait::async_trait;
pub use attempts::AttemptStore;
pub use audit::AuditStore;
pub use catalog::CatalogStore;
pub use events::EventStore;
pub use extensions::ExtensionStore;
pub use inspection::{ConnectionLimit, DatabaseReport, inspect};
pub use lines::LineStore;
pub use listing::ListStore;
#[cfg(feature = "import")]
pub use migrator::MigrationReport;
pub use orders::{ClaimedOrders, OrderStore};
pub(crate) use postgres::fault_of_parameters;
pub use postgres::{PostgresStore, bounded};
pub use previews::PreviewStore;
pub use random::RandomStore;
pub use releases::ReleaseStore;
pub use search::SearchStore;
use secrecy::{ExposeSecret, SecretString};
pub use sessions::SessionStore;
pub use settlements::{NumberClaims, SettlementStore};
pub use sim_audit::{SimAuditStore, SimRange};
pub use sim_records::SimStore;
#[cfg(feature = "sqlite")]
pub use sqlite::{Clock, SqliteStore, SystemClock};
pub use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
pub use statistics::{COUNTED, StatisticsStore};
pub use stories::StoryStore;
pub use sweep::SweepStore;
pub use unsettled::UnsettledStore;
pub use webhooks::{WebhookStore, WebhookTurn};

use crate::domain::ClientName;
pub use crate::domain::{
    ActiveSim, AdoptOutcome, AdoptRefusal, Adoption, Assign, Begin, BeginOrder, BeginRandom, CallSubject,
    Census, Claims, CodeAnswer, CodeLimits, CodeReading, Confirmed, Delivery, DrawBatch, DrawTally, Due,
    DueOrder, EndLine, EventCursor, EventRow, EventRows, Extend, Extension, HeldNumber, HeldPage, Intent,
    IssuedOrder, IssuedSim, Keyed, KeyedPreview, KnownHold, KnownSim, Lease, LiveHold, NewCall, NewDraws,
    NewOrder, NewPreview, NumberKey, OperatorSession, OrderLease, OrderPurpose, Origin, OtherNumber, Overdue,
    PoolUsage, PreviousPreview, ProfileRecorded, Range, Release, Scope, SilentProfile, SimDelivery,
    SimDetails, SimIdentity, StoredPreview, Tenant, UnreadableRow, WantedSim, WebhookStatus,
};

/// The address of the database, and its connections.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DatabaseConfig {
    /// `postgres://…` or `sqlite://…`. It is a secret, because it may carry a password.
    pub url: SecretString,
    /// At most this many connections to PostgreSQL are open.
    pub pool: u32,
}

/// The reason why a step failed in the database.
///
/// The reason is in words or a code, and may name the server or the file. It never contains the text of the database, which
/// repeats values, nor a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is too busy, or cannot write. The step may be tried again.
    #[error("the database is not available: {reason}")]
    Unavailable {
        /// The reason, and what to do.
        reason: String,
    },
    /// The database refused a statement, or a row cannot be read.
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

    /// Whether the same step may succeed if it is tried again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// The steps that the operations take in the database, with a trait for each aggregate.
///
/// Every method is one atomic step. It may be repeated after an error: if the step has happened after all, the store recognises
/// it by the ids that the caller chose. With a [`Scope`], a row of another brand gives the answer of a row that does not exist.
#[async_trait]
pub trait Store:
    PreviewStore
    + AttemptStore
    + RandomStore
    + ReleaseStore
    + ExtensionStore
    + LineStore
    + ListStore
    + SearchStore
    + UnsettledStore
    + OrderStore
    + SimStore
    + SimAuditStore
    + AdoptionStore
    + SweepStore
    + SettlementStore
    + AuditStore
    + CatalogStore
    + EventStore
    + WebhookStore
    + StatisticsStore
    + SessionStore
    + StoryStore
    + Send
    + Sync
    + fmt::Debug
{
    /// Returns this store for the calls of a client. The event of each change that they make names the client. Without one, the events
    /// say that the service itself made the change.
    fn on_behalf_of(&self, client: Option<ClientName>) -> Arc<dyn Store>;

    /// Checks that the database answers and has the tables of this version.
    async fn check(&self) -> Result<(), StoreError>;

    /// The current use of the connections. Does not ask the database.
    fn pools(&self) -> Vec<PoolUsage>;

    /// The time for which the oldest write has been waiting for the database; zero if none waits. A write without an answer counts
    /// for 30 seconds. Does not ask the database.
    fn oldest_write(&self) -> Duration;
}

/// The database that a store works on.
#[derive(Clone)]
#[non_exhaustive]
pub enum Database {
    /// The one at a URL, with a pool of the store's own.
    Url(DatabaseConfig),
    /// PostgreSQL, with a pool of the store's own of at most this many connections.
    Options(Box<PgConnectOptions>, u32),
    /// PostgreSQL, through a pool that the embedder has, whose sessions are [`bounded`].
    Pool(PgPool),
}

/// The options of sqlx show their password in `Debug`, so they are left out.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(config) => f.debug_tuple("Url").field(config).finish(),
            Self::Options(_, connections) => {
                f.debug_struct("Options").field("connections", connections).finish_non_exhaustive()
            }
            Self::Pool(pool) => f.debug_tuple("Pool").field(pool).finish(),
        }
    }
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

/// Creates a store on a database. [`migrate`] creates its tables.
///
/// # Errors
///
/// [`StoreError`] if the URL is neither one of PostgreSQL nor one of SQLite.
pub async fn connect(database: impl Into<Database>) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match database.into() {
        Database::Url(config) if is_sqlite(&config) => sqlite::open(&config.url).await?,
        Database::Url(config) => {
            let store = PostgresStore::new(&config.url, config.pool)?;
            store.find_host().await;
            Arc::new(store)
        }
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
        // A SQLite database always comes from this service, so nothing has to be adopted.
        sqlite::migrate(&config.url).await.map(|()| MigrationReport::default())
    } else {
        PostgresStore::migrate(&config.url, reservation_ttl).await
    }
}

fn is_sqlite(config: &DatabaseConfig) -> bool {
    config.url.expose_secret().starts_with("sqlite:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_form_of_a_database_shows_its_password() {
        let url = "postgres://oss:s3cret@db.example/oss";
        let options: PgConnectOptions = url.parse().unwrap();
        let pool = PgPoolOptions::new().connect_lazy_with(options.clone());
        for database in
            [Database::from(&DatabaseConfig::new(url)), Database::from((options, 10)), Database::from(pool)]
        {
            let shown = format!("{database:?}");
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }
}

//! The store on PostgreSQL. Each step is one statement and one round trip, and the time is that of the database. The frequent
//! steps take their parameters as arrays, so that callers who wait at the same time share one statement.
//!
//! A statement reads rows, writes under guards that repeat what it read, and returns both. If a guard finds that the rows have
//! changed since, nothing is written and the statement is run again. Rows of `reservation` are locked before those of
//! `phone_number`, so that two statements do not wait for each other.

mod address;
mod adoptions;
mod attempts;
mod audit;
mod begins;
mod borrowing;
mod catalog;
mod confirmations;
mod connections;
mod events;
mod extensions;
mod faults;
mod hosts;
mod inspection;
mod issues;
mod line_ends;
mod lines;
mod listing;
#[cfg(feature = "import")]
mod migrate;
mod orders;
mod previews;
mod random;
mod releases;
mod repeats;
mod search;
mod sessions;
mod settlements;
mod sim_audit;
mod sim_records;
mod statistics;
mod stories;
mod sweep;
mod unsettled;
mod webhooks;
mod writable;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use sqlx::Row;
use sqlx::postgres::{PgConnectOptions, PgPool, PgRow};

pub(crate) use self::address::fault_of_parameters;
use self::begins::Wish;
use self::confirmations::Confirmation;
use self::connections::Connections;
pub use self::connections::bounded;
use self::random::Start;
use self::releases::{Delivered, ReleaseWish};
#[cfg(feature = "import")]
use super::MigrationReport;
use super::batch::Batcher;
use super::{NewPreview, PoolUsage, Store, StoreError, migrations};
use crate::domain::ClientName;

/// The store on PostgreSQL.
#[derive(Debug)]
pub struct PostgresStore {
    connections: Arc<Connections>,
    batches: Arc<Batches>,
    /// The client whose calls these are.
    client: Option<ClientName>,
}

/// The steps that share statements.
#[derive(Debug)]
struct Batches {
    previews: Batcher<NewPreview>,
    wishes: Batcher<Wish>,
    starts: Batcher<Start>,
    confirmations: Batcher<Confirmation>,
    releases: Batcher<ReleaseWish>,
    deliveries: Batcher<Delivered>,
}

impl PostgresStore {
    /// Creates a store on the database at `url`, with a pool of `size` connections. Opens none yet. If the URL names several hosts,
    /// a task leads statements to the one that accepts writes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the URL is not one of PostgreSQL.
    pub fn new(url: &SecretString, size: u32) -> Result<Self, StoreError> {
        let hosts = address::hosts(url)?.into_iter().map(|host| host.application_name("oss")).collect();
        Ok(Self::on(Connections::following(hosts, size)?))
    }

    /// Waits until each of several hosts was asked once, so that the first statement goes to the right one.
    pub(super) async fn find_host(&self) {
        self.connections.find_host().await;
    }

    /// A store with a pool of `size` connections of its own, which it [bounds](bounded). Opens none yet.
    #[must_use]
    pub fn with_options(options: PgConnectOptions, size: u32) -> Self {
        Self::with_pool(connections::pool(options, size))
    }

    /// A store on a pool that others may use too. Its sessions have to be [`bounded`]: [`Store::check`] tells whether they are.
    #[must_use]
    pub fn with_pool(pool: PgPool) -> Self {
        Self::on(Connections::new(pool))
    }

    fn on(connections: Connections) -> Self {
        let connections = Arc::new(connections);
        let batches = Arc::new(Batches::new(&connections));
        Self { connections, batches, client: None }
    }

    /// The client whose calls these are, as a parameter of the statements that change rows.
    fn client(&self) -> Option<String> {
        self.client.as_ref().map(ToString::to_string)
    }

    /// Migrates the database at `url` to this version, and creates a reservation for each number that was held before
    /// reservations were recorded. A number that is not on a line is held for `reservation_ttl` from now on.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be reached, is not encoded in UTF-8, or a migration fails.
    #[cfg(feature = "import")]
    pub async fn migrate(
        url: &SecretString,
        reservation_ttl: Duration,
    ) -> Result<MigrationReport, StoreError> {
        migrate::migrate(url, reservation_ttl).await
    }
}

impl Batches {
    fn new(connections: &Arc<Connections>) -> Self {
        Self {
            previews: Batcher::new(connections.clone()),
            wishes: Batcher::new(connections.clone()),
            starts: Batcher::new(connections.clone()),
            confirmations: Batcher::new(connections.clone()),
            releases: Batcher::new(connections.clone()),
            deliveries: Batcher::new(connections.clone()),
        }
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn on_behalf_of(&self, client: Option<ClientName>) -> Arc<dyn Store> {
        Arc::new(Self { connections: self.connections.clone(), batches: self.batches.clone(), client })
    }

    async fn check(&self) -> Result<(), StoreError> {
        // It also reads the identity, as every look-up does. So a role that may not read it fails here and not at each request.
        const SQL: &str = "
            select count(*), current_setting('server_encoding') as encoding,
                   exists (select from oss_installation) as has_identity
            from oss_migrations
            where success and version = any($1)";
        let versions = migrations::versions();
        let statement = || sqlx::query(SQL).bind(versions.clone());
        let read = |row: &PgRow| Ok((row.try_get(0)?, row.try_get("encoding")?));
        let (count, encoding): (i64, String) = self.connections.one(statement, read).await?;
        require_utf8(&encoding)?;
        migrations::all_applied(count)?;
        self.connections.check_bounds().await
    }

    fn pools(&self) -> Vec<PoolUsage> {
        vec![self.connections.usage()]
    }

    fn oldest_write(&self) -> Duration {
        let Batches { previews, wishes, starts, confirmations, releases, deliveries } = &*self.batches;
        let of_kinds = [
            previews.oldest(),
            wishes.oldest(),
            starts.oldest(),
            confirmations.oldest(),
            releases.oldest(),
            deliveries.oldest(),
        ];
        of_kinds.into_iter().max().unwrap_or_default()
    }
}

/// A database in another encoding cannot hold every text.
fn require_utf8(encoding: &str) -> Result<(), StoreError> {
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(StoreError::failed(format!(
        "its encoding is {encoding}, which cannot hold every text; create one with encoding 'UTF8'"
    )))
}

//! The store on SQLite. Each step is one transaction that holds the write lock, so the rows that it read cannot change before it
//! writes.
//!
//! The time is that of the given [`Clock`], because the database runs in this process.

mod adoptions;
mod attempts;
mod audit;
mod catalog;
mod connections;
mod events;
mod extensions;
mod faults;
mod inspection;
mod issues;
mod lines;
mod listing;
mod orders;
mod previews;
mod random;
mod releases;
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
mod writer;

use async_trait::async_trait;
use secrecy::SecretString;
use sqlx::Row;
use std::sync::Arc;
use std::time::Duration;

use self::connections::Connections;
pub use self::connections::{Clock, SystemClock};
pub(super) use self::inspection::inspect;
use super::{PoolUsage, Store, StoreError, migrations};
use crate::domain::ClientName;

/// Opens the store on the database that `url` names, with the clock of this machine.
pub(super) async fn open(url: &SecretString) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(SqliteStore::open(url, Arc::new(SystemClock)).await?))
}

/// Migrates the database that `url` names.
pub(super) async fn migrate(url: &SecretString) -> Result<(), StoreError> {
    connections::migrate(url).await
}

/// The store on SQLite.
#[derive(Debug)]
pub struct SqliteStore {
    connections: Connections,
}

impl SqliteStore {
    /// Creates a store on the file that `url` names (`sqlite://path`), or in memory (`sqlite::memory:`).
    ///
    /// A database in memory gets its tables at once. A file gets them from [`SqliteStore::migrate`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the URL is not one of SQLite.
    pub async fn open(url: &SecretString, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let connections = Connections::new(url, clock)?;
        if connections::is_in_memory(url) {
            connections.migrate_in_memory().await?;
        }
        Ok(Self { connections })
    }

    /// Creates the file that `url` names if there is none, and migrates it to this version.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the file cannot be used, or a migration fails.
    pub async fn migrate(url: &SecretString) -> Result<(), StoreError> {
        connections::migrate(url).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn on_behalf_of(&self, client: Option<ClientName>) -> Arc<dyn Store> {
        Arc::new(Self { connections: self.connections.on_behalf_of(client.as_ref()) })
    }

    async fn check(&self) -> Result<(), StoreError> {
        const SQL: &str = "
            select count(*) from oss_migrations
            where success and version in (select value from json_each($1))";
        let versions = format!("{:?}", migrations::versions());
        migrations::all_applied(
            self.connections.one(sqlx::query(SQL).bind(versions), |row| row.try_get(0)).await?,
        )
    }

    fn pools(&self) -> Vec<PoolUsage> {
        self.connections.usage()
    }

    fn oldest_write(&self) -> Duration {
        self.connections.oldest_write()
    }
}

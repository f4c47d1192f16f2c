//! The store on PostgreSQL. Each step is one statement and one round trip, and the time is that of the database.
//!
//! A statement reads rows, writes under guards that repeat what it read, and returns both. If a guard finds that the rows have
//! changed since, nothing is written and the statement is run again. Rows of `reservation` are locked before those of
//! `phone_number`, so that two statements do not wait for each other.

mod adoptions;
mod attempts;
mod audit;
mod borrowing;
mod catalog;
mod connections;
mod faults;
mod lines;
mod migrate;
mod previews;
mod random;
mod releases;
mod repeats;
mod sweep;
mod writable;

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use self::connections::Connections;
use super::{MigrationReport, PoolUsage, Store, StoreError};

/// The store on PostgreSQL.
#[derive(Debug)]
pub struct PostgresStore {
    connections: Connections,
}

impl PostgresStore {
    /// Creates a store on the database at `url`, with a pool of `size` connections. Opens none yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the URL is not one of PostgreSQL.
    pub fn new(url: &SecretString, size: u32) -> Result<Self, StoreError> {
        Ok(Self { connections: Connections::new(url, size)? })
    }

    /// Migrates the database at `url` to this version, and creates a reservation for each number that was held before
    /// reservations were recorded. A number that is not on a line is held for `reservation_ttl` from now on.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be reached, is not encoded in UTF-8, or a migration fails.
    pub async fn migrate(
        url: &SecretString,
        reservation_ttl: Duration,
    ) -> Result<MigrationReport, StoreError> {
        migrate::migrate(url, reservation_ttl).await
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn check(&self) -> Result<(), StoreError> {
        migrate::check(&self.connections).await?;
        self.connections.check_bounds().await
    }

    fn pools(&self) -> Vec<PoolUsage> {
        vec![self.connections.usage()]
    }
}

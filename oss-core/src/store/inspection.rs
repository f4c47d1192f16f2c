//! Inspects a database for a person who looks for a fault.

use chrono::{DateTime, Utc};

use super::{DatabaseConfig, PostgresStore, Store, StoreError, is_sqlite, sqlite};

/// The state of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseReport {
    /// The product and its version, such as `PostgreSQL 15.14`.
    pub version: String,
    /// The encoding of its texts. The service needs `UTF8`.
    pub encoding: String,
    /// The time zone of a session; none if the database has none. Times are stored with their zone, so it is only for people.
    pub time_zone: Option<String>,
    /// The time by its clock.
    pub now: DateTime<Utc>,
    /// The limit of its connections; none if there is no server.
    pub connections: Option<ConnectionLimit>,
    /// The fault for which the service would not start, if there is one: missing tables, for instance.
    pub fault: Option<StoreError>,
}

/// The limit of the connections to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionLimit {
    /// The most connections that the user of the service may have to the database, whoever opens them.
    pub limit: u32,
    /// The connections to the server that are open now.
    pub open: u32,
}

/// Inspects the configured database.
///
/// # Errors
///
/// [`StoreError`] if it cannot be reached.
pub async fn inspect(config: &DatabaseConfig) -> Result<DatabaseReport, StoreError> {
    if is_sqlite(config) {
        return sqlite::inspect(&config.url).await;
    }
    let store = PostgresStore::new(&config.url, 1)?;
    store.find_host().await;
    let report = store.inspect().await?;
    Ok(DatabaseReport { fault: store.check().await.err(), ..report })
}

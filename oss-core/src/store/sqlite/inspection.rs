//! Inspects a database of SQLite.

use std::sync::Arc;

use secrecy::SecretString;
use sqlx::Row;

use super::connections::SystemClock;
use super::{Clock, SqliteStore};
use crate::store::{DatabaseReport, Store, StoreError};

/// Reads the state of the database that `url` names.
pub(in crate::store) async fn inspect(url: &SecretString) -> Result<DatabaseReport, StoreError> {
    const SQL: &str = "select sqlite_version() as version, encoding from pragma_encoding()";
    let store = SqliteStore::open(url, Arc::new(SystemClock)).await?;
    let read = |row: &sqlx::sqlite::SqliteRow| Ok((row.try_get("version")?, row.try_get("encoding")?));
    let (version, encoding): (String, String) = store.connections.one(sqlx::query(SQL), read).await?;
    Ok(DatabaseReport {
        version: format!("SQLite {version}"),
        encoding: encoding.replace('-', ""),
        time_zone: None,
        now: SystemClock.now(),
        connections: None,
        fault: store.check().await.err(),
    })
}

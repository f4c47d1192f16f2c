//! Inspects a server of PostgreSQL.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use crate::store::{ConnectionLimit, DatabaseReport, StoreError};

impl PostgresStore {
    /// Reads the state of the server. The tables are not checked.
    pub(in crate::store) async fn inspect(&self) -> Result<DatabaseReport, StoreError> {
        // A limit of -1 means that there is none. Only PostgreSQL 16 and later have `reserved_connections`.
        const SQL: &str = "
            select current_setting('server_version') as version, current_setting('server_encoding') as encoding,
                   current_setting('TimeZone') as time_zone, clock_timestamp() as now,
                   least(
                       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                           - coalesce(current_setting('reserved_connections', true)::int, 0),
                       (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user),
                       (select nullif(datconnlimit, -1) from pg_database where datname = current_database())
                   ) as connection_limit,
                   (select coalesce(sum(numbackends), 0)::int from pg_stat_database) as open";
        self.connections.one(|| sqlx::query(SQL), report).await
    }
}

fn report(row: &PgRow) -> Result<DatabaseReport, sqlx::Error> {
    let count = |column| row.try_get(column).map(i32::unsigned_abs);
    let version: String = row.try_get("version")?;
    let now: DateTime<Utc> = row.try_get("now")?;
    Ok(DatabaseReport {
        version: format!("PostgreSQL {version}"),
        encoding: row.try_get("encoding")?,
        time_zone: row.try_get("time_zone")?,
        now,
        connections: Some(ConnectionLimit { limit: count("connection_limit")?, open: count("open")? }),
        fault: None,
    })
}

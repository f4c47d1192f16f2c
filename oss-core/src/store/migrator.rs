//! Runs the migrations.
//!
//! `oss migrate` runs them on a connection of its own. A server never does, because two versions of the server may work on one
//! database at the same time, and because a failed migration must not leave its lock in a pool.

use std::borrow::Cow;

use serde::Serialize;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::StoreError;
#[cfg(feature = "sqlite")]
use super::migrations::SQLITE;
use super::migrations::{POSTGRES, Source, VERSIONS};

/// The changes of a migration to rows, and the rows that a person should check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MigrationReport {
    /// Numbers that were held before this service recorded reservations, and now have one.
    pub adopted: u64,
    /// Reserved numbers for which Sigan's id is not recorded. They do not expire, and their release cannot be delivered to Sigan.
    pub without_external_id: u64,
    /// Rows that cannot be read, because a number or Sigan's id is malformed. They are not changed.
    pub unreadable: u64,
    /// Numbers on a SIM that has another number too. They are not changed.
    pub sharing_sim: u64,
}

/// The migrations that were applied before versions were recorded in [`VERSIONS`]. The tables that they created show them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Applied {
    /// Whether it has the table `reservation`.
    pub(super) numbers: bool,
    /// Whether it has the table `reference_data`.
    pub(super) devices: bool,
}

impl Applied {
    /// Whether a version was applied. Later versions were never recorded elsewhere.
    pub(super) fn has(self, version: i64) -> bool {
        match version {
            1 => self.numbers,
            2 | 3 => self.devices,
            _ => false,
        }
    }
}

/// The placeholder in a migration for the rows of [`LOCATION_DDD`].
const LOCATION_DDD_MARKER: &str = "/* rows of data/location_ddd.csv */";

/// Every Brazilian municipality: `location_cnl,ddd,municipality,uf`, with a line of headings.
const LOCATION_DDD: &str = include_str!("../../../migrations/data/location_ddd.csv");

pub(super) fn postgres() -> Result<Migrator, StoreError> {
    migrator(POSTGRES)
}

#[cfg(feature = "sqlite")]
pub(super) fn sqlite() -> Result<Migrator, StoreError> {
    migrator(SQLITE)
}

fn migrator(sources: &[Source]) -> Result<Migrator, StoreError> {
    let rows = location_ddd_rows()?;
    let migrations = sources.iter().map(|&(version, name, text)| {
        let sql = AssertSqlSafe(text.replace(LOCATION_DDD_MARKER, &rows)).into_sql_str();
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name(VERSIONS);
    // This service takes the lock itself, before it reads the versions.
    migrator.set_locking(false);
    // During an upgrade an older program may run on a newer database.
    migrator.set_ignore_missing(true);
    Ok(migrator)
}

/// The rows as SQL. Each value is checked to be digits before it becomes part of a statement.
fn location_ddd_rows() -> Result<String, StoreError> {
    let row = |line: &str| {
        let mut fields = line.split(',');
        let (cnl, ddd) = (fields.next()?, fields.next()?);
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        (digits(cnl) && digits(ddd)).then(|| format!("({cnl}, '{ddd}')"))
    };
    let rows: Option<Vec<String>> = LOCATION_DDD.lines().skip(1).map(row).collect();
    let rows = rows.ok_or_else(|| StoreError::failed("location_ddd.csv has a line that is not cnl,ddd,…"))?;
    Ok(rows.join(",\n"))
}

/// The error of the database, if it caused the failure of a migration.
pub(super) fn cause(error: &sqlx::migrate::MigrateError) -> Option<&sqlx::Error> {
    use sqlx::migrate::MigrateError;
    match error {
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => Some(cause),
        _ => None,
    }
}

/// Describes the failure of a migration without the text of the database.
pub(super) fn failure(error: &sqlx::migrate::MigrateError) -> StoreError {
    use sqlx::migrate::MigrateError;
    StoreError::failed(match error {
        MigrateError::VersionMismatch(version) => {
            format!("migration {version} was changed after it was applied")
        }
        MigrateError::Dirty(version) => format!("migration {version} was applied in part; repair it by hand"),
        MigrateError::ExecuteMigration(_, version) => format!("migration {version} could not be applied"),
        _ => "the migrations could not be applied".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_municipality_becomes_a_row() {
        let rows = location_ddd_rows().unwrap();
        assert_eq!(rows.lines().count(), 5_571);
        assert!(rows.starts_with("(1100015, '69'),\n"));
    }
}

//! Describes errors of SQLite: the file, the reason, and what to do.
//!
//! The text of a database error repeats values, so only its code is used.

use std::path::Path;

use crate::store::StoreError;

/// The folder of a database file.
fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Describes why a file cannot be opened or created, if its folder does not exist.
pub(super) fn missing_folder(file: &Path) -> Option<StoreError> {
    let folder = folder(file);
    if folder.is_dir() {
        return None;
    }
    let folder = folder.display();
    Some(StoreError::unavailable(format!(
        "there is no folder {folder}; create it, or correct the database URL"
    )))
}

/// Describes why a step on the database in `file` failed.
pub(super) fn store_error(file: &Path, error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::PoolTimedOut => StoreError::unavailable("no connection became free in time"),
        sqlx::Error::ColumnDecode { index, .. } => {
            StoreError::failed(format!("column {index} cannot be read"))
        }
        sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            StoreError::unavailable(format!("{} cannot be used", file.display()))
        }
        _ => match error.as_database_error() {
            Some(database) if is_missing_table(database.message()) => {
                StoreError::failed("it lacks the tables of this version; run `oss migrate`")
            }
            Some(_) => with_code(file, code(error).unwrap_or_default()),
            None => StoreError::failed("it gave an answer that cannot be read"),
        },
    }
}

/// SQLite's own code of an error.
pub(super) fn code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

fn is_missing_table(message: &str) -> bool {
    message.starts_with("no such table") || message.starts_with("no such column")
}

/// Describes an error by its code. The low byte of an extended code is the primary code (<https://www.sqlite.org/rescode.html>).
fn with_code(file: &Path, code: i32) -> StoreError {
    let shown = file.display();
    match code & 0xff {
        5 | 6 => StoreError::unavailable(format!("{shown} is locked by another process")),
        8 => StoreError::unavailable(format!(
            "{shown} is read-only; check its permissions and those of its folder"
        )),
        10 => StoreError::unavailable(format!("{shown} cannot be read or written: input/output error")),
        13 => StoreError::unavailable(format!("the disk of {shown} is full")),
        14 => missing_folder(file).unwrap_or_else(|| not_opened(file)),
        26 => StoreError::failed(format!("{shown} is not a SQLite database")),
        _ => StoreError::failed(format!("SQLite code {code}")),
    }
}

fn not_opened(file: &Path) -> StoreError {
    let shown = file.display();
    let reason = if file.exists() {
        "cannot be opened; check its permissions"
    } else {
        "does not exist; `oss migrate` creates it"
    };
    StoreError::unavailable(format!("{shown} {reason}"))
}

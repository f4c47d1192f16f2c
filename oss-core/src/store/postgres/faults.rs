//! Describes errors of PostgreSQL: the system, the reason, and what to do.
//!
//! The text of a database error repeats values, so only its code and the name of a constraint are used. Of the address only the
//! parts are used that a person needs to find the server, and never the password.

use std::io::ErrorKind;

use sqlx::postgres::PgConnectOptions;

use super::repeats::{Failure, code, is_session_over};
use crate::store::StoreError;

/// The beginning of the standard library's error for a failed name look-up, which has no kind of its own.
const NAME_NOT_FOUND: &str = "failed to lookup address information";

/// The server to connect to, as errors name it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// `db.example:5432`, or the path of a socket.
    address: String,
    host: String,
    user: String,
    database: String,
}

impl Target {
    pub(super) fn of(options: &PgConnectOptions) -> Self {
        let (host, user) = (options.get_host().to_owned(), options.get_username().to_owned());
        let database = options.get_database().unwrap_or(&user).to_owned();
        let address = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{host}:{}", options.get_port()),
        };
        Self { address, host, user, database }
    }

    /// `db.example:5432`, or the path of a socket.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    fn read_only(&self) -> StoreError {
        StoreError::unavailable(format!(
            "{} is read-only, as a standby is, or a primary during a failover; give the address of the primary",
            self.address
        ))
    }

    /// The error for a server that did not answer a connection in time.
    pub(super) fn no_answer(&self) -> StoreError {
        StoreError::unavailable(format!(
            "{} does not answer; check the address and the network",
            self.address
        ))
    }

    /// Describes why a connection could not be opened.
    pub(super) fn connect_error(&self, error: &sqlx::Error) -> StoreError {
        let Self { address, user, database, .. } = self;
        match code(error).as_deref() {
            Some("28P01") => StoreError::failed(format!(
                "{address} refuses the password of user {user}; correct the user or the password in the database URL"
            )),
            Some("28000") => StoreError::failed(format!(
                "{address} does not let user {user} in; check that the user exists and may log in, sslmode, and pg_hba.conf"
            )),
            Some("3D000") => StoreError::failed(format!(
                "{address} has no database {database}; create it, or correct the name in the database URL"
            )),
            Some("42501") => StoreError::failed(format!(
                "user {user} may not connect to database {database} at {address}; grant connect"
            )),
            Some("53300") => StoreError::unavailable(format!(
                "{address} has no connection left; raise max_connections, or lower OSS_DATABASE_POOL"
            )),
            Some("57P03") => {
                StoreError::unavailable(format!("PostgreSQL at {address} is starting or stopping"))
            }
            Some(_) => store_error(error),
            None => self.connect_error_without_code(error),
        }
    }

    fn connect_error_without_code(&self, error: &sqlx::Error) -> StoreError {
        let Self { address, host, .. } = self;
        let tls = |cause: &dyn std::fmt::Display| {
            StoreError::unavailable(format!(
                "TLS with {address} failed: {cause}; check sslmode, sslrootcert and the server's certificate"
            ))
        };
        match error {
            sqlx::Error::Tls(cause) => tls(cause),
            // An untrusted certificate arrives as this error.
            sqlx::Error::Io(cause) if cause.kind() == ErrorKind::InvalidData => tls(cause),
            sqlx::Error::Configuration(_) => StoreError::failed(
                "the database URL names a certificate or a key that cannot be used; check sslrootcert, sslcert and sslkey",
            ),
            sqlx::Error::Io(cause) if cause.to_string().starts_with(NAME_NOT_FOUND) => {
                StoreError::unavailable(format!(
                    "the host {host} is not known; correct the database URL, or check the name server"
                ))
            }
            sqlx::Error::Io(cause) => match cause.kind() {
                ErrorKind::ConnectionRefused => StoreError::unavailable(format!(
                    "nothing listens at {address}; start PostgreSQL there, or correct the database URL"
                )),
                ErrorKind::NotFound => StoreError::unavailable(format!(
                    "there is no socket {address}; start PostgreSQL there, or correct the database URL"
                )),
                ErrorKind::TimedOut => self.no_answer(),
                kind => StoreError::unavailable(format!("{address} cannot be reached: {kind}")),
            },
            _ => store_error(error),
        }
    }

    /// Describes why a statement could not be run, or was not even sent.
    pub(super) fn error_of(&self, failure: &Failure) -> StoreError {
        match failure {
            Failure::ReadOnly => self.read_only(),
            Failure::Connect(error) => self.connect_error(error),
            Failure::NoConnection(error) => error.clone(),
            Failure::Sql(error) => self.statement_error(error),
        }
    }

    fn statement_error(&self, error: &sqlx::Error) -> StoreError {
        let Self { address, user, database, .. } = self;
        match code(error).as_deref() {
            Some("42501") => StoreError::failed(format!(
                "user {user} lacks a privilege in database {database} at {address}; grant select, insert, update and delete \
                 on the tables of this service"
            )),
            _ => store_error(error),
        }
    }

    /// Describes why a migration could not be applied.
    #[cfg(feature = "import")]
    pub(super) fn migration_error(&self, error: &sqlx::Error) -> Option<StoreError> {
        let Self { address, user, .. } = self;
        match code(error).as_deref() {
            Some("42501") => Some(StoreError::failed(format!(
                "user {user} may not create or change the tables at {address}; run `oss migrate` as their owner, or \
                 grant create on the schema"
            ))),
            Some("25006") => Some(self.read_only()),
            Some(_) => None,
            None => Some(store_error(error)),
        }
    }
}

fn read_only() -> StoreError {
    StoreError::unavailable("it is read-only, as a standby is, or as a primary during a failover")
}

/// Describes why a statement failed.
pub(super) fn store_error(error: &sqlx::Error) -> StoreError {
    let Some(code) = code(error) else { return without_code(error) };
    let constraint = error.as_database_error().and_then(|error| error.constraint()).unwrap_or_default();
    match code.as_str() {
        "42P01" | "42703" => StoreError::failed("it lacks the tables of this version; run `oss migrate`"),
        "42501" => StoreError::failed(
            "its user lacks a privilege; grant select, insert, update and delete on the tables of this service \
             (SQLSTATE 42501)",
        ),
        "25006" => read_only(),
        "55P03" => StoreError::unavailable("a row stayed locked for too long (SQLSTATE 55P03)"),
        "57014" => StoreError::unavailable("a statement took too long and was stopped (SQLSTATE 57014)"),
        "40001" | "40P01" => StoreError::unavailable(format!("statements kept colliding (SQLSTATE {code})")),
        "53100" => StoreError::unavailable("its disk is full (SQLSTATE 53100)"),
        _ if code.starts_with("53") => {
            StoreError::unavailable(format!("it has too few resources (SQLSTATE {code})"))
        }
        _ if is_session_over(&code) => {
            StoreError::unavailable(format!("it ended the connection (SQLSTATE {code})"))
        }
        _ => StoreError::failed(format!("SQLSTATE {code} {constraint}").trim_end().to_owned()),
    }
}

/// Whether a statement failed because it refers to a row that does not exist.
pub(super) fn is_foreign_key_violation(error: &StoreError) -> bool {
    matches!(error, StoreError::Failed { reason } if reason.starts_with("SQLSTATE 23503"))
}

/// The constraint that refused a statement.
pub(super) fn violated_constraint(error: &StoreError) -> Option<&str> {
    let StoreError::Failed { reason } = error else { return None };
    reason.strip_prefix("SQLSTATE ")?.split_once(' ').map(|(_, constraint)| constraint)
}

/// Whether a statement failed because of this unique index.
pub(super) fn is_unique_violation(error: &StoreError, index: &str) -> bool {
    matches!(error, StoreError::Failed { reason } if *reason == format!("SQLSTATE 23505 {index}"))
}

fn without_code(error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::PoolTimedOut => StoreError::unavailable("no connection became free in time"),
        sqlx::Error::Io(error) if error.kind() == ErrorKind::TimedOut => {
            StoreError::unavailable("a statement got no answer in time")
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => StoreError::unavailable("the connection was lost"),
        sqlx::Error::ColumnDecode { index, .. } => {
            StoreError::failed(format!("column {index} cannot be read"))
        }
        _ => StoreError::failed("it gave an answer that cannot be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_whether_it_passes() {
        assert!(store_error(&sqlx::Error::PoolTimedOut).is_transient());
        assert!(store_error(&sqlx::Error::Io(ErrorKind::ConnectionReset.into())).is_transient());
        assert!(!store_error(&sqlx::Error::RowNotFound).is_transient());
    }

    #[test]
    fn a_target_shows_no_password() {
        let url = "postgres://oss:s3cret@db.example:5433/numbers?sslmode=require";
        let target = Target::of(&url.parse().unwrap());
        assert_eq!(target.address, "db.example:5433");
        assert!(!format!("{target:?}").contains("s3cret"));
        let socket = Target::of(&"postgres:///numbers?host=/run/postgresql&user=oss".parse().unwrap());
        assert_eq!((socket.address.as_str(), socket.database.as_str()), ("/run/postgresql", "numbers"));
    }
}

//! Decides whether a failed statement is run again, and after which pause. Both are bounded, so that a caller gets an answer in
//! time.

use std::borrow::Cow;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::connections::ACQUIRE;
use crate::store::StoreError;

/// A statement that collided with another one is repeated at most this often. Each try may wait for a lock first.
const COLLISIONS: usize = 3;

/// The first pause after a collision. It is long enough that two statements that collided do not collide again.
const COLLISION_PAUSE: Duration = Duration::from_millis(100);

/// The pauses while the database is read-only.
const READ_ONLY_PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];

/// The reason why a statement failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection leads to a database that accepts no writes. The statement was not sent.
    ReadOnly,
    /// No connection could be opened.
    Connect(sqlx::Error),
    /// No connection became free in time, for this reason.
    NoConnection(StoreError),
    /// The statement failed.
    Sql(sqlx::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

/// The repeats that one statement has left.
#[derive(Debug)]
pub(super) struct Repeats {
    dead_connections: u32,
    collisions: Option<ExponentialBackoff>,
    read_only: ExponentialBackoff,
}

impl Repeats {
    /// Starts the count for one statement. A crashed database can leave a whole pool of dead connections, so that many are
    /// discarded without a pause.
    pub(super) fn new(pool_size: u32) -> Self {
        let collisions = ExponentialBuilder::new().with_min_delay(COLLISION_PAUSE).with_max_times(COLLISIONS);
        let [shortest, longest] = READ_ONLY_PAUSES;
        let read_only = ExponentialBuilder::new()
            .with_min_delay(shortest)
            .with_max_delay(longest)
            .without_max_times()
            .with_total_delay(Some(ACQUIRE));
        Self {
            dead_connections: pool_size,
            collisions: Some(collisions.with_jitter().build()),
            read_only: read_only.with_jitter().build(),
        }
    }

    /// Does not repeat a statement that collided with another one.
    pub(super) fn without_collisions(self) -> Self {
        Self { collisions: None, ..self }
    }

    /// Returns the pause before the next repeat, and uses that repeat up. Returns none if the statement is not repeated.
    pub(super) fn pause_after(&mut self, failure: &Failure) -> Option<Duration> {
        match failure {
            Failure::ReadOnly => self.read_only.next(),
            Failure::Sql(error) if is_collision(error) => self.collisions.as_mut()?.next(),
            Failure::Sql(error) | Failure::Connect(error) if is_session_lost(error) => {
                self.dead_connections = self.dead_connections.checked_sub(1)?;
                Some(Duration::ZERO)
            }
            Failure::Sql(_) | Failure::Connect(_) | Failure::NoConnection(_) => None,
        }
    }
}

pub(super) fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(Cow::into_owned)
}

/// Whether the error is a serialisation failure, a deadlock, or a lock that was not granted in time. The last may be a deadlock
/// too: PostgreSQL checks for one after `deadlock_timeout` (1 s), which only a superuser can set, and `lock_timeout` ends the
/// wait before that. A longer wait would only keep the connection for longer, because the victim of a deadlock is repeated either
/// way.
fn is_collision(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| matches!(code.as_str(), "40001" | "40P01" | "55P03"))
}

fn is_session_lost(error: &sqlx::Error) -> bool {
    match (error, code(error)) {
        (_, Some(code)) => is_session_over(&code),
        (sqlx::Error::Io(error), None) => error.kind() != std::io::ErrorKind::TimedOut,
        _ => false,
    }
}

/// Whether a statement failed because the database cannot be used now, and not because of its values or of rows that it met.
pub(super) fn is_unreachable(failure: &Failure) -> bool {
    let Failure::Sql(error) = failure else { return true };
    match (error, code(error)) {
        (_, Some(code)) => is_session_over(&code) || code.starts_with("53"),
        (
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed,
            None,
        ) => true,
        _ => false,
    }
}

/// Whether the connection can be used again: the server answered and did not end it.
pub(super) fn leaves_connection_usable(failure: &Failure) -> bool {
    match failure {
        Failure::ReadOnly | Failure::Connect(_) | Failure::NoConnection(_) => false,
        Failure::Sql(error) => code(error).is_some_and(|code| !is_session_over(&code)),
    }
}

/// Whether a code means that the session cannot be used any more: class 08 (connection), a server that stops or starts, and one
/// that has become read-only.
pub(super) fn is_session_over(code: &str) -> bool {
    code.starts_with("08") || matches!(code, "57P01" | "57P02" | "57P03" | "25006")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(failure: &Failure) -> Vec<Duration> {
        let mut repeats = Repeats::new(2);
        std::iter::from_fn(|| repeats.pause_after(failure)).take(100).collect()
    }

    #[test]
    fn a_dead_connection_is_replaced_at_once_as_often_as_the_pool_is_large() {
        let reset = Failure::Sql(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()));
        assert_eq!(pauses(&reset), [Duration::ZERO; 2]);
    }

    #[test]
    fn a_read_only_database_is_waited_for_as_long_as_a_free_connection() {
        let pauses = pauses(&Failure::ReadOnly);
        assert!(pauses.len() > 3, "{pauses:?}");
        assert!(pauses.iter().all(|pause| !pause.is_zero()), "{pauses:?}");
        assert!(pauses.iter().sum::<Duration>() <= ACQUIRE, "{pauses:?}");
    }

    #[test]
    fn a_silent_database_is_not_asked_again() {
        let silent = Failure::Sql(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
        assert_eq!(pauses(&silent), []);
    }
}

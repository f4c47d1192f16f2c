//! The classes of errors.

/// The classes of [`Error`](super::Error) that a caller acts on differently. Closed: each edge maps all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The subject of the call does not exist.
    Unknown,
    /// Something the call refers to does not exist.
    UnknownReference,
    /// It existed, and its time is over.
    Expired,
    /// The current state forbids the call.
    Conflict,
    /// An idempotency key came with another request before.
    KeyReused,
    /// Our records and Sigan's disagree, or a fault in this program.
    Internal,
    /// Sigan refused, or its answer cannot be used.
    SiganRefused,
    /// Sigan could not be asked. Nothing was done.
    SiganUnavailable,
    /// The client takes more than its share. Nothing was done.
    TooMany,
    /// The outcome is not known yet. The same call may be repeated.
    OutcomeUnknown,
    /// The database is down or too busy.
    DatabaseUnavailable,
}

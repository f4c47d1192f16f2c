//! The outcome of a call to an external system, if it did not succeed.

use crate::http::Received;

/// The reason why a call to an external system did not succeed. `R` is the reason of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError<R> {
    /// The system said no. The call had no effect, for certain.
    #[error("refused: {0}")]
    Refused(R),
    /// No connection could be opened. The call had no effect, for certain.
    #[error("not reachable")]
    NotSent,
    /// The call may or may not have had its effect.
    #[error("no certain answer: {0}")]
    NoAnswer(Doubt),
}

impl<R: Copy + Into<&'static str>> CallError<R> {
    /// A short, stable name, for programs: `not-reachable`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => (*refusal).into(),
            Self::NotSent => "not-reachable",
            Self::NoAnswer(doubt) => doubt.code(),
        }
    }
}

impl<R> CallError<R> {
    /// The error of a request that was sent a second time. Only a success is certain, because the first request may still have
    /// its effect.
    pub(crate) fn of_repeated(self) -> Self {
        match self {
            Self::Refused(_) | Self::NotSent => Self::NoAnswer(Doubt::ConnectionLost),
            Self::NoAnswer(_) => self,
        }
    }
}

/// The reason why it is not known whether a call had its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::IntoStaticStr, thiserror::Error)]
#[strum(serialize_all = "kebab-case")]
pub enum Doubt {
    /// No answer came in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection was lost after it was opened.
    #[error("connection lost")]
    ConnectionLost,
    /// The answer is none that the contract gives for this call.
    #[error("status {0}")]
    Status(u16),
    /// An answer says that our credentials were not accepted. It is not typed and does not name the subject of the call, so a
    /// gateway may have given it after the system did its work.
    #[error("our credentials were not accepted; check the configured token")]
    Credentials,
    /// The answer's body cannot be read, or names something else.
    #[error("unreadable answer")]
    Unreadable,
    /// This process stopped before the answer came.
    #[error("interrupted")]
    Interrupted,
}

impl Doubt {
    /// A short, stable name, for programs: `timeout`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// The status and the body of an answer, or the error if there is no answer.
pub(super) fn answer<R>(received: Received) -> Result<(u16, Vec<u8>), CallError<R>> {
    match received {
        Received::Answer { status, body } => Ok((status, body)),
        Received::NotOpened => Err(CallError::NotSent),
        Received::TimedOut => Err(CallError::NoAnswer(Doubt::Timeout)),
        Received::Lost | Received::Unanswered => Err(CallError::NoAnswer(Doubt::ConnectionLost)),
        Received::TooLong => Err(CallError::NoAnswer(Doubt::Unreadable)),
    }
}

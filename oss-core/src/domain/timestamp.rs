//! Times, as a caller writes them.

use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::Malformed;

/// A time, read from the text that a caller wrote (RFC 3339).
///
/// ```
/// # use oss_core::Timestamp;
/// let time: Timestamp = "2026-11-25T10:30:43-03:00".parse()?;
/// assert_eq!(time.0.to_rfc3339(), "2026-11-25T13:30:43+00:00");
/// assert!("2026-11-25".parse::<Timestamp>().is_err());
/// # Ok::<(), oss_core::Malformed>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub DateTime<Utc>);

impl FromStr for Timestamp {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        DateTime::parse_from_rfc3339(text)
            .map(|time| Self(time.to_utc()))
            .map_err(|_| Malformed { expected: "a time with its offset, for example 2026-11-25T13:30:43Z" })
    }
}

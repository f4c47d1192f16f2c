//! Times and durations, as the pages show them.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// The time of this server.
#[expect(clippy::disallowed_methods, reason = "a page about the next hour or the last one need not be exact")]
pub(super) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A time in UTC. The script of the pages shows it in the time zone of the browser.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment(pub(super) DateTime<Utc>);

impl Moment {
    /// The time for programs (RFC 3339).
    pub(super) fn rfc3339(self) -> String {
        self.0.to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}

impl From<DateTime<Utc>> for Moment {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format("%Y-%m-%d %H:%M:%S").fmt(f)
    }
}

/// A duration in its two largest units: `3h 12m`. One of less than a second is in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span(pub(super) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
            (0, 0, 0, 0) => write!(f, "{}ms", self.0.as_millis()),
            (0, 0, 0, _) if seconds < 10 => write!(f, "{:.1}s", self.0.as_secs_f64()),
            (0, 0, 0, seconds) => write!(f, "{seconds}s"),
            (0, 0, minutes, seconds) => write!(f, "{minutes}m {seconds}s"),
            (0, hours, minutes, _) => write!(f, "{hours}h {minutes}m"),
            (days, hours, ..) => write!(f, "{days}d {hours}h"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_its_two_largest_units() {
        for (seconds, text) in [
            (0.25, "250ms"),
            (9.0, "9.0s"),
            (59.9, "59s"),
            (61.0, "1m 1s"),
            (7260.0, "2h 1m"),
            (90_000.0, "1d 1h"),
        ] {
            assert_eq!(Span(Duration::from_secs_f64(seconds)).to_string(), text);
        }
    }
}

//! Times in errors.

use std::time::Duration;

/// A wait in whole seconds, for `Retry-After`. It is at least as long as the wait, and at least one second.
#[must_use]
pub fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// The time of an outage, as words that end a sentence.
pub(super) fn lasting(down_for: Option<Duration>) -> String {
    down_for.map(|time| format!(" for {} s", time.as_secs())).unwrap_or_default()
}

//! Whether a system that may be gone is asked, or left alone for a moment after it failed.
//!
//! So an outage costs one wait every now and then, and is told once: the first failure and the first answer after it say so
//! to their caller, who knows what to write.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What is known of one system.
#[derive(Debug)]
pub(crate) struct Outage {
    pause: Duration,
    health: Mutex<Health>,
}

/// Whether a system is asked, or left alone until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Up,
    Down { until: Instant },
}

impl Outage {
    /// A system that is up as far as anyone knows, and is left alone for `pause` after a failure.
    pub(crate) fn new(pause: Duration) -> Self {
        Self { pause, health: Mutex::new(Health::Up) }
    }

    /// Whether the system failed a moment ago and is to be left alone.
    pub(crate) fn is_pausing(&self) -> bool {
        let health = *self.health.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(health, Health::Down { until } if Instant::now() < until)
    }

    /// Whether the system answered when it was last asked.
    pub(crate) fn is_over(&self) -> bool {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) == Health::Up
    }

    /// Notes an answer. Whether it ends an outage.
    pub(crate) fn answered(&self) -> bool {
        self.replace(Health::Up) != Health::Up
    }

    /// Notes a failure. Whether it begins an outage.
    pub(crate) fn failed(&self) -> bool {
        let until = Instant::now() + self.pause;
        self.replace(Health::Down { until }) == Health::Up
    }

    /// What is behind the lock is replaced whole, so it is whole also where a thread panicked while it held it.
    fn replace(&self, health: Health) -> Health {
        std::mem::replace(&mut *self.health.lock().unwrap_or_else(PoisonError::into_inner), health)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outage_begins_once_and_pauses_after_each_failure() {
        let outage = Outage::new(Duration::from_secs(2));
        assert!(!outage.is_pausing());
        assert!(outage.failed() && !outage.failed(), "told once");
        assert!(outage.is_pausing() && !outage.is_over());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!outage.is_pausing() && !outage.is_over(), "asked again");
        assert!(outage.answered() && !outage.answered(), "told once");
    }
}

//! Pauses the calls to an optional system for a while after each failure.
//!
//! So during an outage only one call now and then has to wait. The caller learns when an outage begins and ends, so that it can
//! log each of them once.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The health of one system.
#[derive(Debug)]
pub(crate) struct Outage {
    pause: Duration,
    health: Mutex<Health>,
}

/// Whether a system may be called, or not until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Up,
    Down { until: Instant },
}

impl Outage {
    /// Assumes that the system is up. After a failure it is not called for `pause`.
    pub(crate) fn new(pause: Duration) -> Self {
        Self { pause, health: Mutex::new(Health::Up) }
    }

    /// Whether the system failed within the pause, so that it must not be called.
    pub(crate) fn is_pausing(&self) -> bool {
        let health = *self.health.lock();
        matches!(health, Health::Down { until } if Instant::now() < until)
    }

    /// Whether the system answered the last call.
    pub(crate) fn is_over(&self) -> bool {
        *self.health.lock() == Health::Up
    }

    /// Records an answer. Returns whether it ends an outage.
    pub(crate) fn record_answer(&self) -> bool {
        self.replace(Health::Up) != Health::Up
    }

    /// Records a failure. Returns whether it begins an outage.
    pub(crate) fn record_failure(&self) -> bool {
        let until = Instant::now() + self.pause;
        self.replace(Health::Down { until }) == Health::Up
    }

    fn replace(&self, health: Health) -> Health {
        std::mem::replace(&mut *self.health.lock(), health)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outage_begins_once_and_pauses_after_each_failure() {
        let outage = Outage::new(Duration::from_secs(2));
        assert!(!outage.is_pausing());
        assert!(outage.record_failure() && !outage.record_failure(), "reported once");
        assert!(outage.is_pausing() && !outage.is_over());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!outage.is_pausing() && !outage.is_over(), "called again");
        assert!(outage.record_answer() && !outage.record_answer(), "reported once");
    }
}

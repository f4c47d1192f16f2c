//! A circuit breaker: after several failures in a row it lets only a probe pass now and then.
//!
//! It reads no clock and does not know which calls fail: its state depends only on the outcomes and times that it is given.

use std::time::Duration;

use tokio::time::Instant;

/// The count of failures in a row after which it opens.
pub(crate) const FAILURES: u32 = 8;

/// The time for which it stays open before one call may probe. It is shorter than any sweep interval, so that the first sweep
/// after the system is back finds the circuit closed or closes it.
pub(crate) const OPEN: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(super) enum Breaker {
    /// Everything passes. The last `failures` calls have failed.
    Closed { failures: u32 },
    /// Nothing passes until a time.
    Open { until: Instant },
    /// One probe is out. After `until` another may be sent, in case the first never reports back.
    Probing { until: Instant },
}

impl Breaker {
    pub(super) const CLOSED: Self = Self::Closed { failures: 0 };

    pub(super) fn name(self) -> &'static str {
        self.into()
    }

    pub(super) fn is_closed(self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// Whether a call may pass now.
    pub(super) fn lets_pass(self, now: Instant) -> bool {
        !matches!(self, Self::Open { until } | Self::Probing { until } if now < until)
    }

    /// Records that a call passes. Returns whether it is a probe, which reports back within `longest`.
    pub(super) fn pass(&mut self, now: Instant, longest: Duration) -> bool {
        let probes = !self.is_closed();
        if probes {
            *self = Self::Probing { until: now + longest };
        }
        probes
    }

    /// Records that a probe ended without a result: another may be sent after `rest`.
    pub(super) fn end_probe(&mut self, now: Instant, rest: Duration) {
        if matches!(self, Self::Probing { .. }) {
            *self = Self::Open { until: now + rest };
        }
    }

    /// Records a failure. Returns whether it opens the circuit.
    pub(super) fn fail(&mut self, now: Instant) -> bool {
        let open = Self::Open { until: now + OPEN };
        let was_closed = self.is_closed();
        *self = match *self {
            Self::Closed { failures } if failures + 1 < FAILURES => Self::Closed { failures: failures + 1 },
            Self::Closed { .. } | Self::Probing { .. } => open,
            // This call was sent before the circuit opened.
            Self::Open { .. } => *self,
        };
        was_closed && !self.is_closed()
    }

    /// Records a success, which closes it in any state. Returns whether it was not closed before.
    pub(super) fn succeed(&mut self) -> bool {
        !std::mem::replace(self, Self::CLOSED).is_closed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_is_reported_once() {
        let (mut breaker, now) = (Breaker::CLOSED, Instant::now());
        assert!(!breaker.succeed(), "it was closed");
        let opened: Vec<_> = (0..=FAILURES).map(|_| breaker.fail(now)).collect();
        let expected: Vec<_> = (1..=FAILURES + 1).map(|failures| failures == FAILURES).collect();
        assert_eq!(opened, expected);
        assert!(breaker.succeed(), "it was open");
        assert!(!breaker.succeed());
    }
}

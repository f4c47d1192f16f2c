//! The lease of an attempt: the time within which a call is made and its outcome recorded.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tokio::time::Instant;

use crate::store::StoreError;

/// Measures a lease by the monotonic clock of this process. It starts before the lease is requested, so it ends before the lease.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeaseClock {
    started: Instant,
    lease: Duration,
}

impl LeaseClock {
    pub(crate) fn start(lease: Duration) -> Self {
        Self { started: Instant::now(), lease }
    }

    pub(crate) fn time_left(self) -> Duration {
        self.lease.saturating_sub(self.started.elapsed())
    }
}

/// Runs a step that records an outcome. While the database is not available, it tries again until the lease ends.
pub(crate) async fn retry_within_lease<T, F>(
    clock: LeaseClock,
    step: impl FnMut() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let attempts = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(1))
        .with_total_delay(Some(clock.time_left()))
        .with_jitter()
        .without_max_times();
    // The builder counts only the waits, but a try on a silent database takes seconds. So the clock is read too.
    step.retry(attempts).when(|error| error.is_transient() && !clock.time_left().is_zero()).await
}

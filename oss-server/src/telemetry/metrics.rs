//! The metrics of this process, in the form in which Prometheus reads them. What there is to read is in
//! `oss_core::telemetry::names`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metrics::gauge;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use oss_core::telemetry::names::{self, BUCKETS, BUILD_INFO, PROCESS_START_TIME};

/// How often what was recorded is put into the buckets, so that it does not pile up while nobody reads.
const UPKEEP: Duration = Duration::from_secs(5);

/// The recorder of this process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    recorder: PrometheusHandle,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Records the metrics of this process from now on. Called once, inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`BuildError`] where the process has a recorder already.
    pub fn install() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
        names::describe();
        gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1);
        gauge!(PROCESS_START_TIME).set(since_1970().as_secs_f64());
        let kept = recorder.clone();
        tokio::spawn(async move {
            let mut again = tokio::time::interval(UPKEEP);
            loop {
                again.tick().await;
                kept.run_upkeep();
            }
        });
        Ok(Self { recorder })
    }

    /// Every metric, in Prometheus' text format.
    pub(crate) fn text(&self) -> String {
        self.recorder.render()
    }
}

#[expect(clippy::disallowed_methods, reason = "when a process started is told by the clock of its machine")]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

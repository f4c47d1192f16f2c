//! The metrics of this process, in Prometheus' format. `oss_core::telemetry::names` lists them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metrics::gauge;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use oss_core::telemetry::names::{self, BUCKETS, BUILD_INFO, PROCESS_START_TIME};

/// The time after which recorded values are put into the buckets, so that they do not pile up while nobody reads.
const UPKEEP: Duration = Duration::from_secs(5);

/// The recorder of this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    recorder: PrometheusHandle,
}

impl Metrics {
    /// Starts to record the metrics of this process. Call it once, inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the process already has a recorder.
    pub fn install() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
        names::describe();
        gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1);
        gauge!(PROCESS_START_TIME).set(since_1970().as_secs_f64());
        let upkept = recorder.clone();
        tokio::spawn(async move {
            let mut interval = tokio::time::interval(UPKEEP);
            loop {
                interval.tick().await;
                upkept.run_upkeep();
            }
        });
        Ok(Self { recorder })
    }

    /// Every metric, in Prometheus' text format.
    pub(crate) fn text(&self) -> String {
        self.recorder.render()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "only the machine's clock gives the time at which a process started"
)]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

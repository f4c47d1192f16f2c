//! `oss sweep`

use oss_core::SweepReport;

use super::watching::Pauses;
use crate::exit::Failure;
use crate::output::{Answer, Output, table};
use crate::service::Service;
use crate::status_line::while_waiting;

/// Sweeps at the configured interval until interrupted. After a sweep that fails, the next one follows as usual.
pub(crate) async fn watch(service: &impl Service, output: Output) -> Result<(), Failure> {
    let mut pauses = Pauses::new()?;
    loop {
        match while_waiting(service.sweep()).await {
            Ok(report) if report == SweepReport::default() => {}
            Ok(report) => output.write_line(&report)?,
            Err(error) => {
                output.write_failure(&error);
            }
        }
        if !pauses.pause(service.sweep_interval()).await {
            return Ok(());
        }
    }
}

impl Answer for SweepReport {
    fn table(&self, _oss: &str) -> String {
        let mut table =
            table(&["expired", "assigned", "recovered", "released", "rejected", "failed", "purged"]);
        let Self { expired, assigned, recovered, released, rejected, failed, purged, .. } = self;
        table.add_row([expired, assigned, recovered, released, rejected, failed, purged]);
        table.to_string()
    }
}

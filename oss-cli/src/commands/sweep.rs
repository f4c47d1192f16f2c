//! `oss sweep`

use oss_core::{Oss, SweepReport};

use super::watching::Pauses;
use crate::exit::Failure;
use crate::output::{Answer, Output, table};
use crate::status_line::while_waiting;

/// Sweeps at the configured interval until interrupted. After a sweep that fails, the next one follows as usual.
pub(crate) async fn watch(oss: &Oss, output: Output) -> Result<(), Failure> {
    let mut pauses = Pauses::new()?;
    loop {
        match while_waiting(oss.sweep()).await {
            Ok(report) if report == SweepReport::default() => {}
            Ok(report) => output.write_line(&report)?,
            Err(error) => {
                output.write_failure(&error.into());
            }
        }
        if !pauses.pause(oss.sweep_interval()).await {
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

//! `oss sweep`

use oss_core::{Oss, SweepReport};

use crate::exit::Failure;
use crate::output::{Answer, Output, table};
use crate::status_line::while_waiting;

/// Sweeps again and again, until interrupted. An error of one sweep does not end the next ones.
pub(crate) async fn watch(oss: &Oss, output: Output) -> Result<(), Failure> {
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        match while_waiting(oss.sweep()).await {
            Ok(report) if report == SweepReport::default() => {}
            Ok(report) => output.line(&report)?,
            Err(error) => {
                output.failure(&error.into());
            }
        }
        let rest = tokio::time::sleep(oss.sweep_interval());
        tokio::select! {
            _ = &mut interrupted => return Ok(()),
            () = rest => {}
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

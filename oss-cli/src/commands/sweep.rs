//! `oss sweep`

use oss_core::{Oss, SweepReport};
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Failure;
use crate::output::{Answer, Output, table};
use crate::status_line::while_waiting;

/// Sweeps at the configured interval until interrupted. After a sweep that fails, the next one follows as usual.
pub(crate) async fn watch(oss: &Oss, output: Output) -> Result<(), Failure> {
    // The listener starts before the first sweep, so that an interruption during that sweep is not lost.
    let mut interruptions = signal(SignalKind::interrupt())
        .map_err(|error| Failure::internal(format!("cannot listen for interruptions: {error}")))?;
    loop {
        match while_waiting(oss.sweep()).await {
            Ok(report) if report == SweepReport::default() => {}
            Ok(report) => output.write_line(&report)?,
            Err(error) => {
                output.write_failure(&error.into());
            }
        }
        let rest = tokio::time::sleep(oss.sweep_interval());
        tokio::select! {
            _ = interruptions.recv() => return Ok(()),
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

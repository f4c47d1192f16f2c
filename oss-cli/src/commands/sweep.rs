//! `oss sweep`

use oss_core::{Oss, SweepReport};

use crate::exit::Failure;
use crate::output::{Answer, Output, table};

/// Sweeps once, or until interrupted. With `watch` an error of one sweep does not end the next ones.
pub(crate) async fn run(oss: &Oss, watch: bool, output: Output) -> Result<(), Failure> {
    if !watch {
        return output.answer(&oss.sweep().await?);
    }
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        match oss.sweep().await {
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

//! Reports of GSIM on the profiles of eSIMs.

use super::count_step;
use crate::domain::SimType;
use crate::domain::{ProfileRecorded, ProfileReport};
use crate::error::Error;
use crate::oss::Oss;
use crate::telemetry::Operation;

impl Oss {
    /// Records a report of GSIM on a profile. It may come late, twice or out of order: only a legal transition changes the state, and
    /// every report is kept.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSim`].
    pub async fn record_profile(&self, report: ProfileReport) -> Result<(), Error> {
        self.run_to_end(Operation::RecordProfile, move |oss| async move {
            let recorded = oss.store().record_profile(&report).await?;
            let state = report.state.as_str();
            match recorded {
                ProfileRecorded::Unknown => return Err(Error::UnknownSim(report.sim)),
                ProfileRecorded::Applied => count_step(SimType::Esim, state, ""),
                ProfileRecorded::Kept => {}
            }
            let applied = recorded == ProfileRecorded::Applied;
            tracing::info!(sim.id = %report.sim, state, applied, "GSIM reported on a profile.");
            Ok(())
        })
        .await
    }
}

//! Reports of GSIM on the profiles of eSIMs.

use metrics::counter;

use crate::domain::{ProfileRecorded, ProfileReport};
use crate::error::Error;
use crate::oss::Oss;
use crate::telemetry::Operation;
use crate::telemetry::names::PROFILE_REPORTS;

impl Oss {
    /// Records a report of GSIM on a profile. It may come late, twice or out of order: only a legal transition changes the state, and
    /// every report is kept.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSim`].
    pub async fn record_profile(&self, report: ProfileReport) -> Result<(), Error> {
        self.run_to_end(Operation::RecordProfile, move |oss| async move {
            let applied = match oss.store().record_profile(&report).await? {
                ProfileRecorded::Unknown => return Err(Error::UnknownSim(report.sim)),
                ProfileRecorded::Applied => "true",
                ProfileRecorded::Kept => "false",
            };
            let state = report.state.as_str();
            tracing::info!(sim.id = %report.sim, state, applied, "GSIM reported on a profile.");
            counter!(PROFILE_REPORTS, "state" => state, "applied" => applied).increment(1);
            Ok(())
        })
        .await
    }
}

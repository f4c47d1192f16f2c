//! The view of one SIM, and searches.

use crate::domain::{Sim, SimFilter, SimId, SimRecord};
use crate::error::Error;
use crate::oss::Oss;
use crate::telemetry::Operation;

impl Oss {
    /// Returns a SIM with its history.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSimInPath`].
    pub async fn sim(&self, id: SimId) -> Result<SimRecord, Error> {
        self.observe(Operation::Sim, async {
            self.store().sim(self.scope(), id).await?.ok_or(Error::UnknownSimInPath(id))
        })
        .await
    }

    /// Finds the SIMs with an ICCID, an IMSI, a number or a line, the latest first, at most a hundred.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub async fn find_sims(&self, filter: &SimFilter) -> Result<Vec<Sim>, Error> {
        self.observe(Operation::FindSims, async { Ok(self.store().find_sims(self.scope(), filter).await?) })
            .await
    }
}

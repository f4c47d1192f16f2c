//! The view of one SIM, and searches.

use crate::domain::{Event, LONGEST_STORY, Sim, SimFilter, SimHistory, SimId, SimRecord, StoryEntry};
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

    /// Returns a SIM and its timeline: what changed, each call to GSIM, and who read its activation code. The latest 200 are included.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSimInPath`].
    pub async fn sim_history(&self, id: SimId) -> Result<SimHistory, Error> {
        self.observe(Operation::SimHistory, async {
            let store = self.store();
            let sim = store.sim(self.scope(), id).await?.ok_or(Error::UnknownSimInPath(id))?;
            self.write_calls().await;
            let events = store.events_of_sim(id, LONGEST_STORY).await?;
            let events = events.into_iter().map(|row| Event::shown(row, true)).collect();
            let calls = store.calls_of_sim(id, LONGEST_STORY).await?;
            let code_reads = sim.code_reads.iter().map(|read| (id, read.clone())).collect();
            let timeline = StoryEntry::timeline(events, calls, code_reads);
            Ok(SimHistory::new(sim, timeline))
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

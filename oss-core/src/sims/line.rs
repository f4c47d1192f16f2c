//! The end of a line, and the SIMs that a number was on.

use chrono::{DateTime, Utc};

use crate::domain::{Association, EndLine, Msisdn};
use crate::error::Error;
use crate::oss::Oss;
use crate::telemetry::Operation;

impl Oss {
    /// Ends the line of a number: its SIM is deprogrammed, and the number is given back. A repeated call is no error.
    ///
    /// When this returns, the end is durable. GSIM is told in the background, and Sigan after GSIM, so that nobody gets the number
    /// while a SIM still has it.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownNumber`]; [`Error::NotOnLine`] if the number is only reserved; [`Error::OrderInFlight`].
    pub async fn end_line(&self, msisdn: Msisdn) -> Result<(), Error> {
        self.run_to_end(Operation::EndLine, move |oss| async move { oss.end(msisdn).await }).await
    }

    async fn end(&self, msisdn: Msisdn) -> Result<(), Error> {
        match self.store().end_line(self.scope(), msisdn, self.settings().lease()).await? {
            EndLine::Unknown => Err(Error::UnknownNumber(msisdn.masked())),
            EndLine::NotOnLine(status) => Err(Error::NotOnLine { number: msisdn.masked(), status }),
            EndLine::InFlight => Err(Error::OrderInFlight(msisdn.masked())),
            EndLine::AlreadyEnded => Ok(()),
            EndLine::Ended(sim) => {
                tracing::info!(number = %msisdn.masked(), "Line ended.");
                if let Some(sim) = sim {
                    self.deprogram_in_background(sim);
                }
                Ok(())
            }
        }
    }

    /// Returns the SIMs and lines that a number was on, the latest first; with a time, the one at that time.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownNumber`].
    pub async fn associations(
        &self,
        msisdn: Msisdn,
        at: Option<DateTime<Utc>>,
    ) -> Result<Vec<Association>, Error> {
        self.observe(Operation::Associations, async {
            let mut associations = self.store().associations(self.scope(), msisdn).await?;
            if associations.is_empty() && self.store().number(self.scope(), msisdn).await?.is_none() {
                return Err(Error::UnknownNumber(msisdn.masked()));
            }
            if let Some(at) = at {
                associations.retain(|association| association.since <= at);
                associations.truncate(1);
            }
            Ok(associations)
        })
        .await
    }
}

//! Putting a number on a line, and looking at one number.

use crate::domain::{Msisdn, Number, NumberStatus, SimId};
use crate::error::Error;
use crate::oss::Oss;
use crate::store::Assign;
use crate::telemetry::Operation;

impl Oss {
    /// Puts a reserved number on the line of a SIM. From then on it is in use: it does not expire and cannot be released. A
    /// repeated call for the same SIM is no error.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownNumber`]; [`Error::UnknownSim`]; [`Error::NumberState`] if the number was given back;
    /// [`Error::AssignedElsewhere`] if it is on another SIM; [`Error::SimHasNumber`] if the SIM has another number;
    /// [`Error::SimNotActive`] if the SIM is deprogrammed; [`Error::OrderInFlight`] while a SIM is ordered for the number;
    /// [`Error::NumberInDoubt`] while it is not certain that Sigan holds it.
    pub async fn assign(&self, msisdn: Msisdn, sim: SimId) -> Result<(), Error> {
        self.run_to_end(Operation::Assign, move |oss| async move {
            let number = msisdn.masked();
            match oss.store().assign(oss.scope(), msisdn, sim).await? {
                Assign::Assigned => {
                    tracing::info!(%number, sim.id = %sim, "Number assigned.");
                    Ok(())
                }
                Assign::Unknown => Err(Error::UnknownNumber(number)),
                Assign::Ordered => Err(Error::OrderInFlight(msisdn.masked())),
                Assign::UnknownSim => Err(Error::UnknownSim(sim)),
                Assign::AssignedElsewhere => Err(Error::AssignedElsewhere(number)),
                Assign::SimHasNumber(other) => Err(Error::SimHasNumber { sim, other }),
                Assign::SimNotActive(status) => Err(Error::SimNotActive { sim, status }),
                Assign::InDoubt => Err(Error::NumberInDoubt(number)),
                Assign::Forbidden(status) => Err(Error::NumberState { number, status }),
            }
        })
        .await
    }

    /// The current status of a number, and every attempt to hold it.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownNumber`] if nothing about the number is recorded here.
    pub async fn number(&self, msisdn: Msisdn) -> Result<Number, Error> {
        self.observe(Operation::Number, async {
            self.store().number(self.scope(), msisdn).await?.ok_or(Error::UnknownNumber(msisdn.masked()))
        })
        .await
    }
}

impl Number {
    /// The current status of the number; none if it was never ours.
    #[must_use]
    pub fn status(&self) -> Option<NumberStatus> {
        self.line.as_ref().map(|line| line.status.clone())
    }
}

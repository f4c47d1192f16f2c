//! Releasing a number. Specification: "Liberar reserva".

use crate::domain::Msisdn;
use crate::error::Error;
use crate::oss::Oss;
use crate::store::{Release, UnreadableRow};
use crate::telemetry::Operation;

impl Oss {
    /// Gives a reserved number back, whether it came from a preview or at random. A repeated call is no error.
    ///
    /// When this returns, the release is durable. Sigan is told in the background. The request names the hold by its external id,
    /// so that a release which arrives late can never free a newer hold of the same number.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownNumber`]; [`Error::NumberState`] if the number is in use; [`Error::ReserveInFlight`] while a call to
    /// Sigan about this number is under way.
    pub async fn release(&self, msisdn: Msisdn) -> Result<(), Error> {
        self.run_to_end(Operation::Release, move |oss| async move { oss.give_back(msisdn).await }).await
    }

    async fn give_back(&self, msisdn: Msisdn) -> Result<(), Error> {
        // Busca phone_number e altera: status para 'RETURNED', assigned_sim_id para NULL: one statement.
        match self.store().release(self.scope(), msisdn, self.settings().lease()).await? {
            // se phone_number não existe, emite 404
            Release::Unknown => Err(Error::UnknownNumber(msisdn.masked())),
            // se phone_number está no status RETURNED, retorna 204
            Release::AlreadyReturned => Ok(()),
            // se phone_number NÃO está no status RESERVED, emite 409
            Release::Forbidden(status) => Err(Error::NumberState { number: msisdn.masked(), status }),
            Release::InFlight => Err(Error::ReserveInFlight),
            Release::Ordered => Err(Error::OrderInFlight(msisdn.masked())),
            Release::Returned(delivery) => {
                tracing::info!(number = %msisdn.masked(), "Number released.");
                if let Some(delivery) = delivery {
                    self.deliver_in_background(delivery);
                } else {
                    tracing::warn!(
                        number = %msisdn.masked(),
                        "Sigan's id of this hold is not recorded, so Sigan is not told."
                    );
                }
                Ok(())
            }
            Release::SetAside(row) => {
                tracing::info!(number = %msisdn.masked(), "Number released.");
                log_set_aside(&row);
                Ok(())
            }
        }
    }
}

/// Logs once that a row is set aside, because nothing acts on it any more. The key names a reservation, and no number.
pub(crate) fn log_set_aside(row: &UnreadableRow) {
    let UnreadableRow { table, key, reason } = row;
    tracing::error!(table, key, reason, "A row cannot be read and is set aside; `oss audit` lists it.");
}

//! Releasing a number. Specification: "Liberar reserva".

use crate::domain::Msisdn;
use crate::error::Error;
use crate::oss::Oss;
use crate::store::{Release, UnreadableRow};
use crate::telemetry::Operation;

/// The way in which a number came to be released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    /// By this call.
    Now,
    /// By an earlier call.
    Before,
}

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
        self.release_one(msisdn).await.map(drop)
    }

    pub(super) async fn release_one(&self, msisdn: Msisdn) -> Result<Released, Error> {
        self.run_to_end(Operation::Release, move |oss| async move { oss.give_back(msisdn).await }).await
    }

    async fn give_back(&self, msisdn: Msisdn) -> Result<Released, Error> {
        // Busca phone_number e altera: status para 'RETURNED', assigned_sim_id para NULL: one statement.
        let release = self.store().release(self.scope(), msisdn, self.settings().lease()).await?;
        let released = outcome(msisdn, &release)?;
        if released == Released::Now {
            tracing::info!(number = %msisdn.masked(), "Number released.");
        }
        match release {
            Release::Returned(Some(delivery)) => self.deliver_in_background(delivery),
            Release::Returned(None) => tracing::warn!(
                number = %msisdn.masked(),
                "Sigan's id of this hold is not recorded, so Sigan is not told."
            ),
            Release::SetAside(row) => log_set_aside(&row),
            _ => {}
        }
        Ok(released)
    }
}

/// The meaning of the store's answer for the caller.
pub(super) fn outcome(msisdn: Msisdn, release: &Release) -> Result<Released, Error> {
    match release {
        // se phone_number não existe, emite 404
        Release::Unknown => Err(Error::UnknownNumber(msisdn.masked())),
        // se phone_number está no status RETURNED, retorna 204
        Release::AlreadyReturned => Ok(Released::Before),
        // se phone_number NÃO está no status RESERVED, emite 409
        Release::Forbidden(status) => {
            Err(Error::NumberState { number: msisdn.masked(), status: status.clone() })
        }
        Release::InFlight => Err(Error::ReserveInFlight),
        Release::Ordered => Err(Error::OrderInFlight(msisdn.masked())),
        Release::Returned(_) | Release::SetAside(_) => Ok(Released::Now),
    }
}

/// Logs once that a row is set aside, because nothing acts on it any more. The key names a reservation, and no number.
pub(crate) fn log_set_aside(row: &UnreadableRow) {
    let UnreadableRow { table, key, reason } = row;
    tracing::error!(table, key, reason, "A row cannot be read and is set aside; `oss audit` lists it.");
}

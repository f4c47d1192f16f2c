//! Holding a reserved number for longer.

use crate::domain::{Extension, Msisdn, Reservation};
use crate::error::Error;
use crate::oss::Oss;
use crate::store::Extend;
use crate::telemetry::Operation;

impl Oss {
    /// Holds a reserved number for `reservation.ttl` from now on, but for at most `reservation.max_ttl` after its reservation
    /// began, and never for less long than before. The answer has the time at which the hold ends now. A repeated call is no error.
    ///
    /// Sigan keeps a reserved number until it is released, so it is not asked.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownNumber`]; [`Error::NumberState`] if the number is on a line, was given back, or its time is over;
    /// [`Error::HoldWithoutEnd`] if it does not expire; [`Error::ReserveInFlight`] and [`Error::NumberInDoubt`] while it is not
    /// certain that Sigan holds it.
    pub async fn extend_reservation(&self, msisdn: Msisdn) -> Result<Reservation, Error> {
        self.run_to_end(Operation::ExtendReservation, move |oss| async move { oss.extend(msisdn).await })
            .await
    }

    async fn extend(&self, msisdn: Msisdn) -> Result<Reservation, Error> {
        let settings = self.settings();
        let extension =
            Extension { hold_for: settings.reservation_ttl, at_most: settings.reservation_max_ttl };
        let number = msisdn.masked();
        match self.store().extend(self.scope(), msisdn, extension).await? {
            Extend::Unknown => Err(Error::UnknownNumber(number)),
            Extend::Forbidden(status) => Err(Error::NumberState { number, status }),
            Extend::InFlight => Err(Error::ReserveInFlight),
            Extend::InDoubt => Err(Error::NumberInDoubt(number)),
            Extend::Endless => Err(Error::HoldWithoutEnd(number)),
            Extend::Extended(reservation) => {
                tracing::info!(%number, "Reservation extended.");
                Ok(reservation)
            }
        }
    }
}

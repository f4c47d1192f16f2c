//! The limits of one client: its share of the waiting places, and its budget of numbers of an area code.

use std::num::NonZeroU32;

use crate::access::ClientLimit;
use crate::calls::{Call, Crowded, Waits};
use crate::domain::Ddd;
use crate::error::Error;
use crate::oss::Oss;

impl Oss {
    /// Takes a place to wait for a call, without waiting. Returns none if too many wait already, in all or for the same call.
    pub(crate) fn join_waiters(&self, call: &Call) -> Result<Option<Waits>, Error> {
        let client = self.sharing_client();
        match self.in_flight().try_join(call, client) {
            Ok(waits) => Ok(Some(waits)),
            Err(Crowded::Full) => Ok(None),
            Err(Crowded::Share) => {
                if let Some(client) = client {
                    ClientLimit::Waiters.count_refusal(client);
                }
                Err(Error::ClientShareExceeded { limit: ClientLimit::Waiters })
            }
        }
    }

    /// Takes numbers from the budget of the client, if there is a client, before Sigan is asked for them.
    pub(super) fn draw(&self, ddd: Ddd, quantity: usize) -> Result<(), Error> {
        let quantity = u32::try_from(quantity).ok().and_then(NonZeroU32::new);
        let (Some(client), Some(quantity)) = (self.client(), quantity) else { return Ok(()) };
        self.draws().take(client, ddd, quantity).map_err(|retry_after| {
            ClientLimit::Draws.count_refusal(client);
            Error::DrawBudgetExceeded { ddd, retry_after }
        })
    }
}

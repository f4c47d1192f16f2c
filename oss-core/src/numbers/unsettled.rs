//! Attempts in doubt.

use crate::domain::{Cursor, UnsettledPage};
use crate::error::Error;
use crate::oss::Oss;
use crate::telemetry::Operation;

/// The most attempts of a page.
const LONGEST_PAGE: u32 = 1000;

impl Oss {
    /// A page of the attempts that wait for a certain outcome, of numbers and of SIMs, the oldest first: those in doubt, those about which
    /// Sigan or GSIM is asked again, and those of whose end it was not told yet. A first call under way is none of them.
    ///
    /// `after` is the `next` of the page before. A page has at most `limit` attempts, 1 to 1000. A client that
    /// [acts for](Oss::acting_for) a brand sees the attempts of that brand.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub async fn in_doubt(&self, after: Option<&Cursor>, limit: u32) -> Result<UnsettledPage, Error> {
        let limit = limit.clamp(1, LONGEST_PAGE);
        self.observe(Operation::InDoubt, async {
            Ok(self.store().unsettled_attempts(self.scope(), after, limit).await?)
        })
        .await
    }
}

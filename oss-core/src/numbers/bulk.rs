//! Releases of many numbers. Each is a release of one number, so there is no other rule.

use futures::StreamExt;
use futures::stream;

use super::release::{Released, outcome};
use crate::domain::{AttemptState, Cursor, ListedNumber, Msisdn, NumberList};
use crate::error::Error;
use crate::oss::Oss;

/// The most numbers of one release of many through a server. A list has as many on its longest page.
pub const LARGEST_RELEASE: usize = 1000;

/// The most numbers that are released at the same time for one call.
const AT_ONCE: usize = 16;

/// Whether numbers are released, or only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkMode {
    /// Release them.
    Release,
    /// Say what a release would do, and change nothing.
    DryRun,
}

/// The result of the release of one of many numbers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReleaseResult {
    /// The number.
    pub msisdn: Msisdn,
    /// The way in which it came to be released, or the reason why it was not.
    pub result: Result<Released, Error>,
}

/// The results of a release of the numbers of a list.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListedReleases {
    /// The results, in the order of the list.
    pub results: Vec<ReleaseResult>,
    /// The place after which the list goes on; none if this was its last page.
    pub next: Option<Cursor>,
}

impl Oss {
    /// Releases numbers as [`Oss::release`] does, several at a time, and returns the result of each, in their order. One that
    /// cannot be released does not stop the others. If the caller stops waiting, the releases that have begun go on.
    pub async fn release_all(&self, numbers: Vec<Msisdn>, mode: BulkMode) -> Vec<ReleaseResult> {
        let results = numbers.into_iter().map(|msisdn| async move {
            let result = match mode {
                BulkMode::Release => self.release_one(msisdn).await,
                BulkMode::DryRun => self.try_release(msisdn).await,
            };
            ReleaseResult { msisdn, result }
        });
        stream::iter(results).buffered(AT_ONCE).collect().await
    }

    /// Releases the numbers of a page of a list, as [`Oss::release_all`] does.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if the list cannot be read. Then nothing is released.
    pub async fn release_listed(&self, list: &NumberList, mode: BulkMode) -> Result<ListedReleases, Error> {
        let page = self.list_numbers(list).await?;
        let results = page.numbers.into_iter().map(|number| self.release_of_list(number, mode));
        Ok(ListedReleases {
            results: stream::iter(results).buffered(AT_ONCE).collect().await,
            next: page.next,
        })
    }

    /// Releases a number of a list for the brand that it is listed for. If the attempt that it is listed for is over, somebody else may
    /// have the number by now, so nothing is done.
    async fn release_of_list(&self, number: ListedNumber, mode: BulkMode) -> ReleaseResult {
        let ListedNumber { msisdn, state, brand_id, .. } = number;
        let of_brand = brand_id.and_then(|brand| self.acting_for(brand).ok());
        let oss = of_brand.as_ref().unwrap_or(self);
        let result = match (state, mode) {
            (Some(AttemptState::Releasing | AttemptState::Released), _) => Ok(Released::Before),
            (Some(AttemptState::Cancelling | AttemptState::Rejected), _) => {
                Err(Error::UnknownNumber(msisdn.masked()))
            }
            (_, BulkMode::Release) => oss.release_one(msisdn).await,
            (_, BulkMode::DryRun) => oss.try_release(msisdn).await,
        };
        ReleaseResult { msisdn, result }
    }

    /// Says what a release of a number would do now.
    async fn try_release(&self, msisdn: Msisdn) -> Result<Released, Error> {
        outcome(msisdn, &self.store().look_at_release(self.scope(), msisdn).await?)
    }
}

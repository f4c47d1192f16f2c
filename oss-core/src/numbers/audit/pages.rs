//! Reads the pages of both sides ahead of their comparison.
//!
//! While a page is compared, the next one is read: first Sigan's list, then at once our rows of its range.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::domain::Msisdn;
use crate::error::Error;
use crate::oss::Oss;
use crate::sigan::{HoldsPage, Lane};
use crate::store::{HeldPage, KnownHold, Range, Tenant};

/// The size of a page of Sigan's list.
const PAGE: u32 = 1000;

/// The size of a page of our numbers. One more than Sigan lists, so that equal pages need no second look for the rest of a range.
pub(super) const OUR_PAGE: u32 = PAGE + 1;

/// The most times that a page of Sigan's list is asked for again.
const REPEATS: usize = 3;

/// A range of numbers, as both sides have it.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) range: Range,
    pub(super) listed: HoldsPage,
    /// Our records of the holds that Sigan lists, in the same order.
    pub(super) known: Vec<KnownHold>,
    /// The first of our numbers.
    pub(super) held: HeldPage,
}

/// The pages of a brand, in the order of their numbers.
#[derive(Debug)]
pub(super) struct Pages(mpsc::Receiver<JoinHandle<Result<Page, Error>>>);

impl Pages {
    /// Reads the pages of a brand, in tasks that end soon after this value is dropped. At most one page waits for its comparison.
    pub(super) fn read_ahead(oss: &Oss, tenant: &Tenant, young: Duration) -> Self {
        let (sender, pages) = mpsc::channel(1);
        let reader = Reader { oss: oss.clone(), tenant: tenant.clone(), young };
        oss.spawn(reader.read(sender));
        Self(pages)
    }

    /// The next page; none after the last one, or after an error.
    pub(super) async fn next(&mut self) -> Result<Option<Page>, Error> {
        let Some(page) = self.0.recv().await else { return Ok(None) };
        page.await
            .unwrap_or_else(|_| {
                // The text of a panic is not logged, because it may contain anything.
                tracing::error!("A page of the audit could not be read.");
                Err(Error::Internal)
            })
            .map(Some)
    }
}

#[derive(Debug, Clone)]
struct Reader {
    oss: Oss,
    tenant: Tenant,
    young: Duration,
}

impl Reader {
    async fn read(self, pages: mpsc::Sender<JoinHandle<Result<Page, Error>>>) {
        let mut after = None;
        while let Ok(slot) = pages.reserve().await {
            let listed = tokio::select! {
                biased;
                listed = self.list(after) => listed,
                () = pages.closed() => break,
            };
            let next = listed.as_ref().ok().and_then(|page| page.next);
            // Our rows are read after the list, but do not delay the next one.
            slot.send(self.oss.spawn(self.clone().complete(after, listed)));
            if next.is_none() {
                break;
            }
            after = next;
        }
    }

    async fn list(&self, after: Option<Msisdn>) -> Result<HoldsPage, Error> {
        let (sigan, brand) = (self.oss.sigan(), self.tenant.brand());
        let tries = ExponentialBuilder::default().with_max_times(REPEATS).with_jitter();
        let ask = || async {
            let turn = sigan.turn(Lane::Upkeep).await?;
            Ok(turn.holds(brand, after, PAGE as usize).await?)
        };
        ask.retry(tries).await
    }

    /// Reads our rows for a page of Sigan's list.
    async fn complete(self, after: Option<Msisdn>, listed: Result<HoldsPage, Error>) -> Result<Page, Error> {
        let listed = listed?;
        let range = Range { after: after.map(|after| after.to_string()), until: listed.next };
        let store = self.oss.store();
        let (known, held) = tokio::try_join!(
            store.known_holds(&listed.holds, self.young),
            store.held_numbers(&self.tenant, range.clone(), self.young, OUR_PAGE),
        )?;
        Ok(Page { range, listed, known, held })
    }
}

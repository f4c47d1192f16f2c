//! The rows that a sweep has claimed: each has a turn at Sigan, and all are settled at the same time.

use std::pin::pin;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;

use crate::domain::SweepReport;

/// The outcome of the work on a claimed row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    Recovered,
    Released,
    Rejected,
    /// Another process settled the row first, or the row changed meanwhile.
    Elsewhere,
    Failed,
}

impl SweepReport {
    fn count(&mut self, settled: Settled) {
        match settled {
            Settled::Recovered => self.recovered += 1,
            Settled::Released => self.released += 1,
            Settled::Rejected => self.rejected += 1,
            Settled::Failed => self.failed += 1,
            Settled::Elsewhere => {}
        }
    }
}

#[derive(Debug)]
pub(super) struct Lanes<'a> {
    rows: FuturesUnordered<BoxFuture<'a, Settled>>,
    pub(super) report: &'a mut SweepReport,
}

impl<'a> Lanes<'a> {
    pub(super) fn new(report: &'a mut SweepReport) -> Self {
        Self { rows: FuturesUnordered::new(), report }
    }

    /// Begins to settle a row.
    pub(super) fn start(&mut self, row: impl Future<Output = Settled> + Send + 'a) {
        self.rows.push(Box::pin(row));
    }

    /// Waits until one row is settled. Returns false if there is none.
    pub(super) async fn settle_one(&mut self) -> bool {
        let Some(settled) = self.rows.next().await else { return false };
        self.report.count(settled);
        true
    }

    /// Does other work while the rows are settled.
    pub(super) async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                true = self.settle_one() => {}
                done = &mut work => return done,
            }
        }
    }
}

//! The load bench: it starts the processes, drives them and returns the figures. The caller decides how long, so that a test can run
//! all of it for a moment.

mod client;
mod cpu;
mod embedded;
mod figures;
mod growth;
mod operations;
mod parts;
mod recorder;
mod report;
mod scale;
mod slow;
mod start;

use std::time::Duration;

use serde::Serialize;

use self::client::Drive;
use self::parts::Parts;
pub(crate) use self::report::tables;

/// The extent of a measurement.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The number of times that each figure is measured. The median counts.
    pub(crate) rounds: usize,
    /// The number of connections of the client.
    pub(crate) connections: usize,
    /// The time for which each operation is driven in each round.
    pub(crate) time: Duration,
    /// The number of reserves in flight while Sigan is slow, and the time that Sigan takes.
    pub(crate) slow: (usize, Duration),
    /// The number of operations of the library on SQLite.
    pub(crate) embedded: usize,
    /// The counts of stored numbers to measure with. If there are none, growth is not measured.
    pub(crate) sizes: Vec<u64>,
    /// The count of stored numbers to audit, and of due rows to sweep, if growth is measured.
    pub(crate) scale: (u64, u64),
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) operations: Vec<operations::Row>,
    /// The operations with one caller.
    pub(crate) one_caller: Vec<operations::Row>,
    pub(crate) slow: slow::Slow,
    pub(crate) start: start::Start,
    pub(crate) embedded: [embedded::Embedded; 2],
    pub(crate) growth: Vec<growth::Size>,
    pub(crate) scale: Option<scale::Scale>,
}

impl Report {
    /// The number of requests without a success, including the floor's.
    pub(crate) fn errors(&self) -> u64 {
        let operations = self.operations.iter().chain(&self.one_caller).map(operations::Row::errors);
        let growth = self.growth.iter().flat_map(|size| &size.operations).map(|grown| grown.figures.errors);
        operations.chain(growth).sum::<u64>() + self.slow.errors
    }
}

/// Runs every measurement.
pub(crate) async fn run(options: &Options) -> Report {
    let parts = Parts::start().await;
    let drive = Drive { connections: options.connections, time: options.time, rest: Duration::ZERO };
    let one = Drive { connections: 1, ..drive };
    let (plan, (reserves, latency)) = (recorder::plan(&parts).await, options.slow);
    Report {
        start: start::measure(&parts, options.rounds).await,
        operations: operations::measure(&parts, &plan, options.rounds, drive).await,
        one_caller: operations::measure(&parts, &plan, options.rounds, one).await,
        slow: slow::measure(&parts, &plan, reserves, latency).await,
        embedded: embedded::measure(options.rounds, options.embedded).await,
        scale: match (options.sizes.is_empty(), options.scale) {
            (true, _) => None,
            (false, (numbers, due)) => Some(scale::measure(&parts, numbers, due).await),
        },
        growth: if options.sizes.is_empty() {
            Vec::new()
        } else {
            growth::measure(&parts, &options.sizes, options.rounds, drive).await
        },
    }
}

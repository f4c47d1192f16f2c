//! The load bench, from the processes it starts to the figures it tells. How much is asked for is up to the caller, so that a
//! test can run all of it for a moment.

mod client;
mod embedded;
mod figures;
mod growth;
mod operations;
mod parts;
mod recorder;
mod report;
mod slow;
mod start;

use std::time::Duration;

use serde::Serialize;

use self::client::Drive;
use self::parts::Parts;
pub(crate) use self::report::tables;

/// How much is measured.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// How often each figure is taken; the middle counts.
    pub(crate) rounds: usize,
    /// Connections of the client.
    pub(crate) connections: usize,
    /// How long each operation is driven in each round.
    pub(crate) time: Duration,
    /// Reserves in flight while Sigan is slow, and how slow it is.
    pub(crate) slow: (usize, Duration),
    /// Operations of the library on SQLite.
    pub(crate) embedded: usize,
    /// Stored numbers; nothing grows where there are none.
    pub(crate) sizes: Vec<u64>,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) operations: Vec<operations::Row>,
    pub(crate) slow: slow::Slow,
    pub(crate) start: start::Start,
    pub(crate) embedded: [embedded::Embedded; 2],
    pub(crate) growth: Vec<growth::Size>,
}

impl Report {
    /// Requests that were not answered with a success, the floor's among them.
    pub(crate) fn errors(&self) -> u64 {
        let operations = self.operations.iter().map(|row| row.service.errors + row.floor.errors);
        let growth = self.growth.iter().flat_map(|size| &size.operations).map(|grown| grown.figures.errors);
        operations.chain(growth).sum::<u64>() + self.slow.errors
    }
}

/// Measures.
pub(crate) async fn run(options: &Options) -> Report {
    let parts = Parts::start().await;
    let drive = Drive { connections: options.connections, time: options.time, rest: Duration::ZERO };
    let (plan, (reserves, latency)) = (recorder::plan(&parts).await, options.slow);
    Report {
        start: start::measure(&parts, options.rounds).await,
        operations: operations::measure(&parts, &plan, options.rounds, drive).await,
        slow: slow::measure(&parts, &plan, reserves, latency).await,
        embedded: embedded::measure(options.rounds, options.embedded).await,
        growth: if options.sizes.is_empty() {
            Vec::new()
        } else {
            growth::measure(&parts, &options.sizes, options.rounds, drive).await
        },
    }
}

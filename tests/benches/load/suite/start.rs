//! Measures the start of a server, and its memory while it is idle.

use std::time::Duration;

use oss_tests::backend::Database;
use serde::Serialize;

use super::figures::median;
use super::parts::Parts;

/// The time for which a server is idle before its memory is measured.
const REST: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Start {
    /// The time from the start of the process to the first 200 of `GET /health/ready`.
    pub(crate) ready_ms: f64,
    pub(crate) idle_rss_mib: f64,
}

pub(crate) async fn measure(parts: &Parts, times: usize) -> Start {
    let (mut ready, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let server = parts.server_on(Database::on(&parts.postgres).await).await;
        ready.push(server.ready_after.as_secs_f64() * 1000.0);
        tokio::time::sleep(REST).await;
        memory.push(server.rss());
    }
    Start { ready_ms: median(ready.into_iter()), idle_rss_mib: median(memory.into_iter()) }
}

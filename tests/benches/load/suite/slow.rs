//! A Sigan that takes seconds, with many reserves in flight on few connections to PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Method;
use oss_core::sigan::mock::Behaviour;
use oss_tests::floor::Plan;
use serde::Serialize;
use serde_json::Value;

use super::client::{Call, Drive};
use super::cpu::Cpu;
use super::figures::Measured;
use super::parts::{Parts, Target};

/// The number of previews that are created at the same time. It is below the number of connections of the other measurements.
const CREATORS: usize = 50;

/// The longest that a batch may take.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Slow {
    pub(crate) reserves: usize,
    pub(crate) errors: u64,
    pub(crate) sigan_seconds: f64,
    /// The time from the first request to the last answer.
    pub(crate) wall_seconds: f64,
    /// The time of the floor: what this machine needs for the calls to Sigan and the statements alone.
    pub(crate) floor_wall_seconds: f64,
    /// The most memory that the server had, in MiB.
    pub(crate) peak_rss_mib: f64,
    /// The p99 of the look-ups during the measurement.
    pub(crate) ddd_p99_ms: f64,
}

pub(crate) async fn measure(parts: &Parts, plan: &Plan, reserves: usize, latency: Duration) -> Slow {
    let (server, floor) = (parts.server().await, parts.floor(Some(plan)).await);
    let (answered, looked_up) = batch(parts, &server, reserves, latency).await;
    let peak_rss_mib = server.peak_rss();
    drop(server);
    let (floor_answered, floor_looked_up) = batch(parts, &floor, reserves, latency).await;
    let all = [&answered, &looked_up, &floor_answered, &floor_looked_up];
    Slow {
        reserves,
        errors: all.iter().map(|measured| measured.errors).sum(),
        sigan_seconds: latency.as_secs_f64(),
        wall_seconds: answered.elapsed.as_secs_f64(),
        floor_wall_seconds: floor_answered.elapsed.as_secs_f64(),
        peak_rss_mib,
        ddd_p99_ms: looked_up.figures(0, Cpu::default()).p99_ms,
    }
}

/// Creates this many previews, reserves a number of each at the same time, and looks up an area code meanwhile.
async fn batch(parts: &Parts, server: &Target, reserves: usize, latency: Duration) -> (Measured, Measured) {
    let patient = Drive { connections: CREATORS, time: PATIENCE, rest: Duration::ZERO };
    let create = Call { body: r#"{"areaCode":"11"}"#.into(), ..Call::new(Method::POST, "/previews") };
    let (_, created) = patient.at(&server.address, list(vec![create; reserves]), Arc::default()).await;
    let calls: Vec<Call> = created.iter().map(|body| reserve(body)).collect();
    assert_eq!(calls.len(), reserves, "every preview is created");

    parts.sigan.behave(Behaviour { latency, ..Behaviour::default() });
    let enough = Arc::new(AtomicBool::new(false));
    let look_ups = Drive { connections: 4, rest: Duration::from_millis(5), ..patient };
    let look_up = || Some(Call::new(Method::GET, "/ddds/11"));
    let look_ups = look_ups.at(&server.address, look_up, enough.clone());
    let all_at_once = async {
        let all = Drive { connections: reserves, ..patient };
        let answered = all.at(&server.address, list(calls), Arc::default()).await;
        enough.store(true, Ordering::Relaxed);
        answered
    };
    let ((looked_up, _), (answered, _)) = tokio::join!(look_ups, all_at_once);
    parts.sigan.behave(Behaviour::default());
    (answered, looked_up)
}

/// Reserves a number of the preview that an answer shows.
fn reserve(created: &[u8]) -> Call {
    let created: Value = serde_json::from_slice(created).expect("a preview is JSON");
    let id = created["id"].as_str().expect("a preview has an id");
    Call::new(Method::PUT, format!("/previews/{id}/reservations/1"))
}

/// Yields each call once.
fn list(calls: Vec<Call>) -> impl Fn() -> Option<Call> + Send + Sync + 'static {
    let left = std::sync::Mutex::new(calls);
    move || left.lock().expect("nobody panics with the list").pop()
}

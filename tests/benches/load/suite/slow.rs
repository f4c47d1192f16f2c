//! A Sigan that takes seconds, with many reserves in flight on few connections to PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Method;
use oss_core::sigan::mock::Behaviour;
use serde::Serialize;
use serde_json::Value;

use super::client::{Call, Drive};
use super::parts::Parts;

/// How many previews are created at once: not more than Sigan's contract is asked for at a time in any other run.
const CREATORS: usize = 50;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Slow {
    pub(crate) reserves: usize,
    pub(crate) errors: u64,
    pub(crate) sigan_seconds: f64,
    /// From the first request to the last answer.
    pub(crate) wall_seconds: f64,
    /// The same as a multiple of what Sigan takes.
    pub(crate) ratio: f64,
    /// The most memory that the server had, in MiB.
    pub(crate) peak_rss_mib: f64,
    /// Of look-ups meanwhile.
    pub(crate) ddd_p99_ms: f64,
    pub(crate) ddd_errors: u64,
}

pub(crate) async fn measure(parts: &Parts, reserves: usize, latency: Duration) -> Slow {
    let server = parts.server().await;
    let patient = Drive { connections: CREATORS, time: Duration::from_mins(1), rest: Duration::ZERO };
    let create = Call { body: r#"{"areaCode":"11"}"#.into(), ..Call::new(Method::POST, "/previews") };
    let (_, created) = patient.at(&server.address, list(vec![create; reserves]), Arc::default()).await;
    let reserve = |body: &[u8]| {
        let created: Value = serde_json::from_slice(body).expect("a preview is JSON");
        let id = created["id"].as_str().expect("a preview has an id");
        Call::new(Method::PUT, format!("/previews/{id}/reservations/1"))
    };
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

    let (wall, sigan) = (answered.elapsed.as_secs_f64(), latency.as_secs_f64());
    let looked_up = looked_up.figures();
    Slow {
        reserves,
        errors: answered.errors,
        sigan_seconds: sigan,
        wall_seconds: wall,
        ratio: wall / sigan,
        peak_rss_mib: server.peak_rss(),
        ddd_p99_ms: looked_up.p99_ms,
        ddd_errors: looked_up.errors,
    }
}

/// Each call once.
fn list(calls: Vec<Call>) -> impl Fn() -> Option<Call> + Send + Sync + 'static {
    let left = std::sync::Mutex::new(calls);
    move || left.lock().expect("nobody panics with the list").pop()
}

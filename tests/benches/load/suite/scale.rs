//! Measures the work without a caller at scale: an audit of many matching holds, and a sweep of many due rows.

use std::process::Stdio;
use std::time::{Duration, Instant};

use axum::extract::{RawQuery, State};
use axum::{Json, Router};
use oss_core::sigan::mock::Behaviour;
use oss_tests::backend::Database;
use oss_tests::cli::oss;
use oss_tests::process::Mortal;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::growth::{fill, sweep};
use super::parts::{Parts, apart, memory};

/// The time that Sigan takes for each call of the sweep.
const LATENCY: Duration = Duration::from_millis(50);

/// The count of calls that a sweep has in flight at once.
const LANES: f64 = 16.0;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Scale {
    /// The numbers that both sides hold.
    pub(crate) held: u64,
    pub(crate) audit_seconds: f64,
    /// The most memory that the audit had, in MiB.
    pub(crate) audit_peak_mib: f64,
    pub(crate) due: u64,
    pub(crate) sweep_seconds: f64,
    /// The time that its calls to Sigan take alone.
    pub(crate) lanes_seconds: f64,
}

/// Measures with this many stored numbers, and this many due rows.
pub(crate) async fn measure(parts: &Parts, numbers: u64, due: u64) -> Scale {
    let database = Database::on(&parts.postgres).await;
    fill::fill(database.url(), numbers).await.expect("the numbers are loaded");
    let (held, audit_seconds, audit_peak_mib) = audit(&database, numbers).await;
    parts.sigan.behave(Behaviour { latency: LATENCY, ..Behaviour::default() });
    let sweep_seconds = sweep(parts, &database, due).await;
    parts.sigan.behave(Behaviour::default());
    #[expect(clippy::cast_precision_loss, reason = "a figure")]
    let lanes_seconds = due as f64 * LATENCY.as_secs_f64() / LANES;
    Scale { held, audit_seconds, audit_peak_mib, due, sweep_seconds, lanes_seconds }
}

/// Runs `oss audit`, and returns the count of holds, its time and its memory.
async fn audit(database: &Database, numbers: u64) -> (u64, f64, f64) {
    let sigan = apart(move |listener| list_holds(listener, numbers));
    let mut command = oss(&[
        ("OSS_DATABASE_URL", database.url()),
        ("OSS_SIGAN_URL", &sigan),
        ("OSS_SIGAN_BRAND_ID", "acme"),
    ]);
    command.args(["--output", "json", "audit", "--min-age", "0s"]).stdout(Stdio::piped());
    let begun = Instant::now();
    let mut child = Mortal(command.spawn().expect("oss runs"));
    let (mut peak, mut ended) = (0.0, None);
    while ended.is_none() {
        peak = memory(child.0.id(), "VmHWM:").unwrap_or(peak);
        tokio::time::sleep(Duration::from_millis(5)).await;
        ended = child.0.try_wait().expect("a child can be waited for");
    }
    let elapsed = begun.elapsed().as_secs_f64();
    let report = child.0.stdout.take().expect("its output is piped");
    let report: Value = serde_json::from_reader(report).expect("JSON");
    let held = numbers / 10 * 8;
    assert_eq!((&report["listed"], &report["held"]), (&json!(held), &json!(held)), "{report}");
    assert_eq!(report["differences"], json!([]));
    (held, elapsed, peak)
}

/// A Sigan that holds the numbers of a filled database and lists them. The mock would sort all of them for each page.
async fn list_holds(listener: TcpListener, numbers: u64) {
    let answer = async |State(numbers): State<u64>, RawQuery(query): RawQuery| {
        let query = query.expect("it has a limit");
        let value = |name| url::form_urlencoded::parse(query.as_bytes()).find(|pair| pair.0 == name);
        let after = value("after").map_or(String::new(), |pair| pair.1.into_owned());
        let limit = value("limit").and_then(|pair| pair.1.parse().ok()).expect("a limit");
        let mut holds = fill::holds(&after, numbers);
        let page: Vec<_> = holds.by_ref().take(limit).collect();
        let next = page.last().map(|(msisdn, _)| msisdn).filter(|_| holds.next().is_some());
        let reserved = |(msisdn, external_id): &(String, String)| json!({ "externalId": external_id, "msisdn": msisdn, "reservedAt": "2025-01-01T00:00:00Z" });
        Json(json!({ "reservations": page.iter().map(reserved).collect::<Vec<_>>(), "next": next }))
    };
    let router = Router::new().fallback(answer).with_state(numbers);
    axum::serve(listener, router).await.expect("the listener works");
}

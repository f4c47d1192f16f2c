//! The metrics of a server. Dashboards and alerts rely on this list.

use std::time::Duration;

use oss_core::sigan::mock::{Behaviour, CallKind};
use oss_tests::backend::Database;
use oss_tests::eventful::{Eventful, wait_until_metrics};
use oss_tests::eventually::eventually;
use oss_tests::http::Http;
use oss_tests::metrics::Scrape;
use oss_tests::postgres::Postgres;
use oss_tests::redis::Redis;
use oss_tests::secrets::assert_no_secrets;
use oss_tests::server::Server;
use oss_tests::sigan::wait_until_called;
use serde_json::json;

oss_tests::on_both!(the_metrics_are_those_of_the_list);

/// Every metric with its type and its labels. To change a line breaks somebody's dashboard: see `examples/operations`.
const METRICS: [&str; 40] = [
    "oss_attempts gauge brand,ddd,state",
    "oss_build_info gauge version",
    "oss_cache_lookups_total counter lookup,result,tier",
    "oss_client_refusals_total counter client,limit",
    "oss_connections_refused_total counter listener",
    "oss_database_connections gauge pool,state",
    "oss_database_connections_limit gauge pool",
    "oss_database_oldest_write_seconds gauge",
    "oss_draws_total counter ddd",
    "oss_due_oldest_age_seconds gauge",
    "oss_due_reservations gauge",
    "oss_gsim_call_duration_seconds histogram call,outcome",
    "oss_gsim_down_seconds gauge sim_type",
    "oss_gsim_in_flight gauge lane,sim_type",
    "oss_gsim_in_flight_limit gauge lane,sim_type",
    "oss_gsim_waiting gauge sim_type",
    "oss_http_connections gauge listener",
    "oss_http_connections_limit gauge listener",
    "oss_http_request_duration_seconds histogram method,route,status",
    "oss_last_audit_timestamp_seconds gauge brand",
    "oss_load_shed_total counter limit",
    "oss_no_numbers_left_total counter ddd",
    "oss_operation_duration_seconds histogram operation,outcome",
    "oss_process_start_time_seconds gauge",
    "oss_recycled_offers_total counter",
    "oss_redis_up gauge",
    "oss_reservations gauge state",
    "oss_set_aside_reservations gauge",
    "oss_sigan_brand_refused gauge brand",
    "oss_sigan_breaker gauge lane,state",
    "oss_sigan_call_duration_seconds histogram call,outcome",
    "oss_sigan_in_flight gauge lane",
    "oss_sigan_in_flight_limit gauge lane",
    "oss_sigan_waiting gauge",
    "oss_sim_steps_total counter reason,sim_type,step",
    "oss_sweep_settled_total counter result",
    "oss_tls_certificate_expiry_timestamp_seconds gauge",
    "oss_upstream_calls_dropped_total counter",
    "oss_webhook_deliveries_total counter outcome,webhook",
    "oss_webhook_lag_seconds gauge webhook",
];

async fn the_metrics_are_those_of_the_list(database: Database) {
    let eventful = Eventful::on(&database).await;
    let scrape = Scrape::of(&eventful.server.admin()).await;
    assert_eq!(scrape.inventory(), METRICS, "{}", scrape.text);
    for (name, labels, _) in &scrape.series {
        assert!(labels.values().all(|value| !is_a_number(value)), "{name} {labels:?}");
    }
    assert_no_secrets("the metrics", &scrape.text);
    for (operation, outcome, count) in [
        ("create_preview", "ok", "8"),
        ("reserve", "ok", "3"),
        ("reserve", "sigan-refused", "1"),
        ("reserve", "outcome-unknown", "2"),
        ("reserve_random", "ok", "1"),
        ("reserve_random", "number-taken", "1"),
        ("reserve_random", "sigan-busy", "1"),
        ("release", "ok", "2"),
        ("assign", "ok", "1"),
        ("number", "ok", "1"),
        ("number", "unknown-number", "1"),
        ("number", "database-failed", "1"),
        ("ddd_exists", "ok", "4"),
        ("brands", "ok", "2"),
        ("models", "ok", "1"),
        ("check_esim", "ok", "1"),
    ] {
        let labels = [("operation", operation), ("outcome", outcome)];
        assert_eq!(counted(&scrape, "oss_operation_duration_seconds_count", &labels), count, "{labels:?}");
        assert!(scrape.value("oss_operation_duration_seconds_sum", &labels) > 0.0, "{labels:?}");
    }
    for (name, labels, value) in [
        ("oss_sigan_call_duration_seconds_count", [("call", "pre_reserve"), ("outcome", "ok")], "10"),
        ("oss_sigan_call_duration_seconds_count", [("call", "reserve"), ("outcome", "ok")], "4"),
        ("oss_sigan_call_duration_seconds_count", [("call", "reserve"), ("outcome", "hold-over")], "1"),
        ("oss_sigan_call_duration_seconds_count", [("call", "reserve"), ("outcome", "connection-lost")], "1"),
        ("oss_gsim_call_duration_seconds_count", [("call", "supports_esim"), ("outcome", "ok")], "1"),
        (
            "oss_http_request_duration_seconds_count",
            [("route", "/reservations/{msisdn}"), ("status", "204")],
            "2",
        ),
        ("oss_http_request_duration_seconds_count", [("route", "none"), ("status", "404")], "1"),
        ("oss_load_shed_total", [("limit", "requests"), ("limit", "requests")], "1"),
        ("oss_reservations", [("state", "HELD"), ("state", "HELD")], "2"),
    ] {
        assert_eq!(counted(&scrape, name, &labels), value, "{name} {labels:?}: {}", scrape.text);
    }
    for labels in [
        [("lookup", "ddd"), ("tier", "memory"), ("result", "hit")],
        [("lookup", "ddd"), ("tier", "memory"), ("result", "miss")],
        [("lookup", "ddd"), ("tier", "redis"), ("result", "hit")],
        [("lookup", "catalog"), ("tier", "redis"), ("result", "miss")],
        [("lookup", "catalog"), ("tier", "memory"), ("result", "hit")],
        [("lookup", "gsim"), ("tier", "redis"), ("result", "miss")],
    ] {
        assert!(scrape.value("oss_cache_lookups_total", &labels) > 0.0, "{labels:?}: {}", scrape.text);
    }
    for name in [
        "oss_database_connections",
        "oss_database_connections_limit",
        "oss_http_connections_limit",
        "oss_process_start_time_seconds",
        "oss_redis_up",
        "oss_tls_certificate_expiry_timestamp_seconds",
    ] {
        assert!(scrape.value(name, &[]) > 0.0, "{name}");
    }
}

/// The answer to a caller comes after some seconds, but its commit waits on. Readiness does not show that: a server without a part
/// in it must not take the others' callers away.
#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_write_grows_while_no_commit_completes() {
    let postgres = Postgres::start().await;
    let (server, _sigan) = Server::with_sigan(&Database::on(&postgres).await, &[]).await;
    let http = server.http();
    assert_eq!(create_preview(&http).await, 201);
    assert_eq!(oldest_write(&http).await.to_string(), "0");
    postgres.hold_commits().await;
    assert_eq!(create_preview(&http).await, 503);
    let after_the_answer = oldest_write(&http).await;
    assert!(after_the_answer > 1.0, "{after_the_answer}");
    let created = tokio::spawn({
        let http = server.http();
        async move { create_preview(&http).await }
    });
    wait_until_oldest_write(&http, |seconds| seconds > after_the_answer + 2.0).await;
    assert_eq!(http.get("/ddds/11").await.status, 204, "reads go on");
    assert_eq!(http.get("/health/ready").await.status, 200);

    postgres.complete_commits().await;
    created.await.unwrap();
    assert_eq!(create_preview(&http).await, 201);
    wait_until_oldest_write(&http, |seconds| seconds <= 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_write_to_a_locked_file_is_shown() {
    let database = Database::sqlite().await;
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let lock = database.lock().await;
    let created = tokio::spawn({
        let http = server.http();
        async move { create_preview(&http).await }
    });
    wait_until_oldest_write(&http, |seconds| seconds > 0.5).await;
    drop(lock);
    assert_eq!(created.await.unwrap(), 201);
    wait_until_oldest_write(&http, |seconds| seconds <= 0.0).await;
}

/// No request needs Redis meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_does_not_answer_is_shown() {
    let (database, mut redis) = (Database::sqlite().await, Redis::start().await);
    let settings = [("OSS_REDIS_URL", redis.url()), ("OSS_SWEEP_INTERVAL", "1s")];
    let (server, _sigan) = Server::with_sigan(&database, &settings).await;
    let http = server.http();
    let is = |up: &'static str| move |scrape: &Scrape| scrape.value("oss_redis_up", &[]).to_string() == up;
    wait_until_metrics(&http, is("1")).await;
    redis.freeze();
    wait_until_metrics(&http, is("0")).await;
    redis.thaw();
    wait_until_metrics(&http, is("1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_finds_no_place_in_the_queue_is_counted() {
    let (database, settings) =
        (Database::sqlite().await, [("OSS_SIGAN_CALLS", "1"), ("OSS_SIGAN_QUEUE", "0")]);
    let (server, sigan) = Server::with_sigan(&database, &settings).await;
    let http = server.http();
    let shed = async |limit| {
        let scrape = Scrape::of(&http).await;
        assert!(
            scrape.text.contains(&format!("oss_load_shed_total{{limit=\"{limit}\"}}")),
            "{}",
            scrape.text
        );
        counted(&scrape, "oss_load_shed_total", &[("limit", limit)])
    };
    assert_eq!(shed("sigan-queue").await, "0", "it is there before the first");
    sigan.behave(Behaviour { latency: Duration::from_secs(2), ..Behaviour::default() });
    let second = async {
        wait_until_called(&sigan, CallKind::PreReserve, 1).await;
        create_preview(&http).await
    };
    assert_eq!(futures::join!(create_preview(&http), second), (201, 503));
    assert_eq!((shed("sigan-queue").await, shed("requests").await), ("1".to_owned(), "0".to_owned()));
}

async fn create_preview(http: &Http) -> u16 {
    http.post("/previews", json!({ "areaCode": "11" })).await.status
}

async fn oldest_write(http: &Http) -> f64 {
    Scrape::of(http).await.value("oss_database_oldest_write_seconds", &[])
}

async fn wait_until_oldest_write(http: &Http, is_reached: impl Fn(f64) -> bool) {
    eventually(async || {
        let seconds = oldest_write(http).await;
        is_reached(seconds).then_some(()).ok_or_else(|| format!("{seconds} s"))
    })
    .await;
}

/// A metric's value as text, because the format has only floats.
fn counted(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> String {
    scrape.value(name, labels).to_string()
}

/// Whether a label's value has digits as a phone number does.
fn is_a_number(value: &str) -> bool {
    value.split(|letter: char| !letter.is_ascii_digit()).any(|digits| digits.len() >= 8)
}

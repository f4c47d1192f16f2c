//! What a server tells of itself in numbers: a list that dashboards and alerts rely on.

use std::time::Duration;

use oss_core::sigan::mock::{CallKind, Fault};
use oss_tests::backend::Database;
use oss_tests::metrics::Scrape;
use oss_tests::server::Server;
use serde_json::json;

/// Every metric, its type, its labels. Whoever changes a line breaks somebody's dashboard: see `examples/operations`.
const METRICS: &str = "
oss_build_info gauge version
oss_cache_lookups_total counter lookup,result,tier
oss_database_connections gauge pool,state
oss_database_connections_limit gauge pool
oss_due_oldest_age_seconds gauge
oss_due_reservations gauge
oss_gsim_call_duration_seconds histogram call,outcome
oss_http_request_duration_seconds histogram method,route,status
oss_operation_duration_seconds histogram operation,outcome
oss_process_start_time_seconds gauge
oss_reservations gauge state
oss_sigan_breaker gauge state
oss_sigan_call_duration_seconds histogram call,outcome
oss_sigan_in_flight gauge lane
oss_sigan_in_flight_limit gauge lane
oss_sigan_waiting gauge
oss_sweep_settled_total counter result";

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_are_those_of_the_list() {
    let database = Database::postgres().await;
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    http.preview().await;
    println!("{}", Scrape::of(&http).await.text);
    println!("{}", Scrape::of(&http).await.inventory().join("\n"));
}

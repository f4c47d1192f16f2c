//! `/metrics`: for Prometheus.

use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;

use crate::state::Shared;

/// List the metrics of this process, for Prometheus
///
/// Asks neither the database nor Sigan. Needs no key on a listener of its own (`OSS_ADMIN_LISTEN`).
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "showMetrics",
    tag = "Operations",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain")),
)]
pub(super) async fn show(State(state): State<Shared>) -> ([(HeaderName, &'static str); 1], String) {
    state.oss.record_gauges();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.metrics.text())
}

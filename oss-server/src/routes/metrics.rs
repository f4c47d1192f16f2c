//! `/metrics`: for Prometheus.

use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;

use super::AppState;

/// Every metric of this process; asks neither the database nor Sigan
#[utoipa::path(get, path = "/metrics")]
pub(super) async fn show(State(state): State<AppState>) -> ([(HeaderName, &'static str); 1], String) {
    state.oss.record_gauges();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.metrics.text())
}

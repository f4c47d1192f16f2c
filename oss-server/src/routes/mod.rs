//! The routes, as callers know them: see the contract in the README.

mod areas;
mod devices;
mod health;
mod metrics;
mod numbers;
mod previews;
mod sweeps;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::routing::{delete, get, post, put};
use oss_core::Oss;
use tower_http::catch_panic::CatchPanicLayer;

pub use self::health::Health;
use crate::middleware;
use crate::problem::Problem;
use crate::telemetry::Metrics;

/// The longest body that is read, in bytes. Those of the contract have under a hundred.
const LONGEST_BODY: usize = 16 * 1024;

/// What the handlers share.
#[derive(Debug, Clone)]
pub(crate) struct AppState {
    pub(crate) oss: Oss,
    pub(crate) health: Health,
    pub(crate) metrics: Metrics,
}

/// Every route, over a client.
pub fn router(oss: Oss, health: Health, metrics: Metrics) -> Router {
    Router::new()
        .route("/previews", post(previews::create))
        .route("/previews/{previewId}/reservations/{index}", put(previews::reserve))
        .route("/reservations", post(numbers::reserve_random))
        .route("/reservations/{msisdn}", delete(numbers::release))
        .route("/reservations/{msisdn}/assignment", put(numbers::assign))
        .route("/numbers/{msisdn}", get(numbers::show))
        .route("/ddds/{ddd}", get(areas::exists))
        .route("/brands", get(devices::brands))
        .route("/brands/{brandId}/models", get(devices::models))
        .route("/device-models", put(devices::check))
        .route("/sweeps", post(sweeps::sweep))
        .route("/metrics", get(metrics::show))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed)
        .with_state(AppState { oss, health, metrics })
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(CatchPanicLayer::custom(middleware::panicked))
        .layer(from_fn(middleware::observed))
}

async fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "unknown-route", "there is nothing at this path")
}

async fn not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "this path knows other methods; see the Allow header",
    )
}

//! The routes, as callers know them: `oss-server/README.md` has the contract.

mod areas;
mod devices;
pub(crate) mod docs;
mod health;
mod metrics;
mod numbers;
mod previews;
mod sweeps;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use oss_core::Oss;
use oss_core::access::Scope;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{Access, guarded};
use crate::etag::TaggedAnswer;
use crate::limits::Load;
use crate::middleware::ObserveLayer;
use crate::openapi;
use crate::problem::{METHOD_NOT_ALLOWED, Problem, UNKNOWN_ROUTE};
use crate::state::{AppState, Health, Readiness, Shared};
use crate::telemetry::Metrics;

/// What the server answers, in two parts that may be served apart.
#[derive(Debug)]
#[non_exhaustive]
pub struct Routers {
    /// For callers.
    pub service: Router,
    /// For those who run the server: health and metrics. None where the service answers them itself.
    pub admin: Option<Router>,
}

/// Every route, over a client. `apart` says that operators have a listener of their own, which needs no key.
#[must_use]
pub fn routers(
    oss: Oss,
    health: Health,
    metrics: Metrics,
    access: &Arc<Access>,
    concurrent_requests: usize,
    apart: bool,
) -> Routers {
    let load = Arc::new(Load::new(concurrent_requests, oss.longest_operation()));
    let (service, admin, document) = described(access, apart);
    let service = docs::with_page(service);
    let service =
        finished(service, ObserveLayer { health: health.clone(), load: Some(load), keep_alive: true });
    // Connections of operators are few, so none of them rests: see `serve::ConnectionLimit`.
    let admin = finished(admin, ObserveLayer { health: health.clone(), load: None, keep_alive: !apart });
    let document =
        TaggedAnswer::new(HeaderValue::from_static("application/json"), document.to_string().into());
    let state = Arc::new(AppState { oss, health, readiness: Readiness::default(), metrics, document });
    if apart {
        return Routers { service: service.with_state(state.clone()), admin: Some(admin.with_state(state)) };
    }
    // The fallback of the one is that of both.
    Routers { service: service.merge(admin.reset_fallback()).with_state(state), admin: None }
}

/// The routes for callers, those for operators, and the document of both.
pub(crate) fn described(access: &Arc<Access>, apart: bool) -> (Router<Shared>, Router<Shared>, Value) {
    let metrics = if apart {
        routes!(metrics::show)
    } else {
        guarded(access, Scope::Operations, routes!(metrics::show))
    };
    let (service, mut described) = service(access).routes(routes!(docs::document)).split_for_parts();
    let (admin, beside) = probes().routes(metrics).split_for_parts();
    described.merge(beside);
    (service, admin, openapi::document(described, access.has_keys()))
}

/// The routes of the contract. Each goes through its scope.
fn service(access: &Arc<Access>) -> OpenApiRouter<Shared> {
    let guarded = |scope, routes| guarded(access, scope, routes);
    OpenApiRouter::new()
        .routes(guarded(Scope::NumbersReserve, routes!(previews::create)))
        .routes(guarded(Scope::NumbersReserve, routes!(previews::reserve)))
        .routes(guarded(Scope::NumbersReserve, routes!(numbers::reserve_random)))
        .routes(guarded(Scope::NumbersRelease, routes!(numbers::release)))
        .routes(guarded(Scope::NumbersAssign, routes!(numbers::assign)))
        .routes(guarded(Scope::NumbersRead, routes!(numbers::show)))
        .routes(guarded(Scope::NumbersRead, routes!(areas::exists)))
        .routes(guarded(Scope::DevicesRead, routes!(devices::brands)))
        .routes(guarded(Scope::DevicesRead, routes!(devices::models)))
        .routes(guarded(Scope::DevicesRead, routes!(devices::check)))
        .routes(guarded(Scope::Operations, routes!(sweeps::sweep)))
}

/// The routes for load balancers and supervisors, which have no key.
fn probes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(health::live)).routes(routes!(health::ready))
}

/// Adds the answers to unknown paths and methods, and observes every request.
fn finished(routes: Router<Shared>, observe: ObserveLayer) -> Router<Shared> {
    routes.fallback(unknown).method_not_allowed_fallback(not_allowed).layer(observe)
}

pub(crate) async fn unknown() -> Problem {
    Problem::new(UNKNOWN_ROUTE, "there is nothing at this path")
}

async fn not_allowed() -> Problem {
    Problem::new(METHOD_NOT_ALLOWED, "this path knows other methods; see the Allow header")
}

//! The routes of the server. `oss-server/README.md` has the contract.

mod activation;
mod areas;
mod audits;
mod devices;
pub(crate) mod docs;
mod events;
mod gsim;
mod health;
mod lines;
mod lists;
mod metrics;
mod numbers;
mod previews;
mod releases;
mod searches;
mod settlements;
mod sims;
mod stats;
mod sweeps;
#[cfg(test)]
mod tests;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use oss_core::Oss;
use oss_core::access::Scope;
use serde_json::Value;
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{Access, require_scope};
use crate::console::{self, Console};
use crate::etag::TaggedAnswer;
use crate::limits::Load;
use crate::middleware::ObserveLayer;
use crate::openapi;
use crate::problem::Problem;
use crate::state::{AppState, Health, Readiness, Shared};
use crate::telemetry::Metrics;

/// The routes of the server, in two parts that may have listeners of their own.
#[derive(Debug)]
#[non_exhaustive]
pub struct Routers {
    /// For callers.
    pub service: Router,
    /// For operators: health and metrics. None if the service answers them itself.
    pub admin: Option<Router>,
}

/// The parts of the routes that depend on the configuration.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RouterOptions {
    /// The most requests that are served at the same time.
    pub concurrent_requests: usize,
    /// Whether health checks and metrics have a listener of their own, which needs no key.
    pub apart: bool,
    /// Whether there is a console.
    pub console: bool,
    /// Whether callers reach the server over TLS.
    pub over_tls: bool,
}

impl RouterOptions {
    /// Routes without a console, on one listener and in the clear.
    #[must_use]
    pub fn new(concurrent_requests: usize) -> Self {
        Self { concurrent_requests, apart: false, console: false, over_tls: false }
    }
}

/// Builds every route.
#[must_use]
pub fn routers(
    oss: Oss,
    health: Health,
    metrics: Metrics,
    access: &Arc<Access>,
    options: RouterOptions,
) -> Routers {
    let RouterOptions { concurrent_requests, apart, .. } = options;
    let load = Arc::new(Load::new(concurrent_requests, oss.longest_operation()));
    let (service, admin, document) = routes_and_document(access, apart);
    let mut service = docs::with_page(service);
    if options.console {
        service = service.merge(console::routes(Console::new(access.clone(), options.over_tls).into()));
    }
    let service =
        with_fallbacks(service, ObserveLayer { health: health.clone(), load: Some(load), keep_alive: true });
    // Operators may have only a few connections, so none of them stays idle: see `serve::ConnectionLimit`.
    let admin =
        with_fallbacks(admin, ObserveLayer { health: health.clone(), load: None, keep_alive: !apart });
    let document =
        TaggedAnswer::new(HeaderValue::from_static("application/json"), document.to_string().into());
    let state = Arc::new(AppState {
        oss,
        health,
        readiness: Readiness::default(),
        metrics,
        document,
        audit: Arc::new(Semaphore::new(1)),
    });
    if apart {
        return Routers { service: service.with_state(state.clone()), admin: Some(admin.with_state(state)) };
    }
    // Both have the same fallback.
    Routers { service: service.merge(admin.reset_fallback()).with_state(state), admin: None }
}

/// The routes for callers, the routes for operators, and the document of both.
pub(crate) fn routes_and_document(
    access: &Arc<Access>,
    apart: bool,
) -> (Router<Shared>, Router<Shared>, Value) {
    let metrics = if apart {
        routes!(metrics::show)
    } else {
        require_scope(access, Scope::Operations, routes!(metrics::show))
    };
    let (service, mut document) = service(access).routes(routes!(docs::document)).split_for_parts();
    let (admin, admin_document) = probes().routes(metrics).split_for_parts();
    document.merge(admin_document);
    (service, admin, openapi::document(document, access.has_keys()))
}

/// The routes of the contract. Each requires its scope.
fn service(access: &Arc<Access>) -> OpenApiRouter<Shared> {
    let require = |scope, routes| require_scope(access, scope, routes);
    OpenApiRouter::new()
        .routes(require(Scope::NumbersReserve, routes!(previews::create)))
        .routes(require(Scope::NumbersReserve, routes!(previews::reserve)))
        .routes(require(Scope::NumbersReserve, routes!(numbers::reserve_random)))
        .routes(require(Scope::NumbersRelease, routes!(numbers::release)))
        .routes(require(Scope::NumbersRelease, routes!(releases::release)))
        .routes(require(Scope::NumbersReserve, routes!(numbers::extend)))
        .routes(require(Scope::NumbersAssign, routes!(numbers::assign)))
        .routes(require(Scope::NumbersRead, routes!(numbers::show)))
        .routes(require(Scope::NumbersRead, routes!(numbers::history)))
        .routes(require(Scope::NumbersRead, routes!(lists::list)))
        .routes(require(Scope::NumbersRead, routes!(searches::search)))
        .routes(require(Scope::SimsOrder, routes!(sims::order_esim)))
        .routes(require(Scope::SimsOrder, routes!(sims::activate_card)))
        .routes(require(Scope::SimsOrder, routes!(sims::replace)))
        .routes(require(Scope::SimsOrder, routes!(lines::end)))
        .routes(require(Scope::SimsRead, routes!(sims::show)))
        .routes(require(Scope::SimsRead, routes!(sims::find)))
        .routes(require(Scope::SimsRead, routes!(lines::associations)))
        .routes(require(Scope::SimsActivate, routes!(activation::show)))
        .routes(require(Scope::GsimNotify, routes!(gsim::notify)))
        .routes(require(Scope::NumbersRead, routes!(areas::exists)))
        .routes(require(Scope::DevicesRead, routes!(devices::brands)))
        .routes(require(Scope::DevicesRead, routes!(devices::models)))
        .routes(require(Scope::DevicesRead, routes!(devices::check)))
        .routes(require(Scope::EventsRead, routes!(events::read)))
        .routes(require(Scope::Operations, routes!(stats::show)))
        .routes(require(Scope::Operations, routes!(sweeps::sweep)))
        .routes(require(Scope::Operations, routes!(settlements::settle)))
        .routes(require(Scope::Operations, routes!(audits::audit)))
        .routes(require(Scope::Operations, routes!(webhooks::list)))
        .routes(require(Scope::Operations, routes!(webhooks::replay)))
}

/// The routes for load balancers and supervisors, which have no key.
fn probes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(health::live)).routes(routes!(health::ready))
}

/// Adds the answers to unknown paths and methods, and observes every request.
fn with_fallbacks(routes: Router<Shared>, observe: ObserveLayer) -> Router<Shared> {
    let not_allowed = async || Problem::of_method();
    routes.fallback(async || Problem::of_path()).method_not_allowed_fallback(not_allowed).layer(observe)
}

//! The guard in front of every route of the service.

use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use axum::response::IntoResponse;
use futures::future::{Either, Ready, ready};
use oss_core::access::Scope;
use tower::{Layer, Service};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{PathItem, SecurityRequirement};
use utoipa_axum::router::UtoipaMethodRouter;

use super::Access;
use super::in_flight::InFlight;
use super::keys::BRAND;
use crate::state::Shared;

/// Handlers and their part of the document.
pub(crate) type Routes = UtoipaMethodRouter<Shared>;

/// The name that the document gives to the clients' keys.
pub(crate) const SECURITY: &str = "clientKey";

/// Lets only clients with this scope reach the handlers, and says so in the document. If there are no clients, no key is needed.
pub(crate) fn require_scope(
    access: &Arc<Access>,
    scope: Scope,
    (schemas, mut paths, methods): Routes,
) -> Routes {
    for operation in paths.paths.values_mut().flat_map(operations) {
        let needs_key = access.has_keys().then(|| SecurityRequirement::new(SECURITY, [scope.name()]));
        if needs_key.is_some() {
            operation.parameters.get_or_insert_default().push(brand_parameter().into());
        }
        operation.security = Some(needs_key.into_iter().collect());
    }
    (schemas, paths, methods.route_layer(RequireScopeLayer { access: access.clone(), scope }))
}

/// The name of the parameter. Its component has the rest.
fn brand_parameter() -> Parameter {
    ParameterBuilder::new().name(BRAND).parameter_in(ParameterIn::Header).build()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten()
}

/// Lets only clients with the scope reach the inner service.
#[derive(Debug, Clone)]
struct RequireScopeLayer {
    access: Arc<Access>,
    scope: Scope,
}

impl<S> Layer<S> for RequireScopeLayer {
    type Service = RequireScope<S>;

    fn layer(&self, inner: S) -> RequireScope<S> {
        RequireScope { inner, layer: self.clone() }
    }
}

/// The inner service behind the scope check.
#[derive(Debug, Clone)]
struct RequireScope<S> {
    inner: S,
    layer: RequireScopeLayer,
}

impl<S> Service<Request> for RequireScope<S>
where
    S: Service<Request, Response = Response<Body>, Future: Unpin>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<InFlight<S::Future>, Ready<Result<Response<Body>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let RequireScopeLayer { access, scope } = &self.layer;
        match access.admit(request.headers(), *scope) {
            Ok((caller, slot)) => {
                request.extensions_mut().insert(caller);
                Either::Left(InFlight::new(self.inner.call(request), slot))
            }
            Err(problem) => Either::Right(ready(Ok(problem.into_response()))),
        }
    }
}

//! The one way a route of the service gets into the router.

use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use axum::response::IntoResponse;
use futures::future::{Either, Ready, ready};
use oss_core::access::Scope;
use tower::{Layer, Service};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{PathItem, SecurityRequirement};
use utoipa_axum::router::UtoipaMethodRouter;

use super::Access;
use super::places::Placed;
use crate::state::Shared;

/// Handlers, and what the document says of them.
pub(crate) type Routes = UtoipaMethodRouter<Shared>;

/// The name that the document gives to the clients' keys.
pub(crate) const SECURITY: &str = "clientKey";

/// Handlers that only a client with this scope reaches, and a document that says so. Without clients no key is needed.
pub(crate) fn guarded(access: &Arc<Access>, scope: Scope, (schemas, mut paths, methods): Routes) -> Routes {
    for operation in paths.paths.values_mut().flat_map(operations) {
        let needs_key = access.has_keys().then(|| SecurityRequirement::new(SECURITY, [scope.name()]));
        operation.security = Some(needs_key.into_iter().collect());
    }
    (schemas, paths, methods.route_layer(RequireScopeLayer { access: access.clone(), scope }))
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
    type Future = Either<Placed<S::Future>, Ready<Result<Response<Body>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let RequireScopeLayer { access, scope } = &self.layer;
        match access.admit(request.headers(), *scope) {
            Ok((caller, place)) => {
                request.extensions_mut().insert(caller);
                Either::Left(Placed::new(self.inner.call(request), place))
            }
            Err(problem) => Either::Right(ready(Ok(problem.into_response()))),
        }
    }
}

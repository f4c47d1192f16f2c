//! The one way a route of the service gets into the router.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::middleware::{Next, from_fn_with_state};
use oss_core::access::Scope;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{PathItem, SecurityRequirement};
use utoipa_axum::router::UtoipaMethodRouter;

use super::Access;
use crate::problem::Problem;
use crate::routes::AppState;

/// Handlers, and what the document says of them.
pub(crate) type Routes = UtoipaMethodRouter<AppState>;

/// The name that the document gives to the clients' keys.
pub(crate) const SECURITY: &str = "clientKey";

/// Handlers that only a client with this scope reaches, and a document that says so.
pub(crate) fn guarded(access: &Arc<Access>, scope: Scope, (schemas, mut paths, methods): Routes) -> Routes {
    for operation in paths.paths.values_mut().flat_map(operations) {
        operation.security = Some(vec![SecurityRequirement::new(SECURITY, [scope.name()])]);
    }
    let admission = from_fn_with_state((access.clone(), scope), admitted);
    (schemas, paths, methods.route_layer(admission))
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten()
}

async fn admitted(
    State((access, scope)): State<(Arc<Access>, Scope)>,
    mut request: Request,
    next: Next,
) -> Result<Response<Body>, Problem> {
    let caller = access.admit(request.headers(), scope)?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

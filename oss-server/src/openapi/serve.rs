//! The document and the page that shows it. Both are open: they tell nothing that the source does not.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::etag::tagged;
use crate::problem::Problem;
use crate::routes::{Shared, unknown};

/// Where the document is.
const DOCUMENT: &str = "/openapi.json";

/// The page runs what comes with it, and speaks to this server alone. Its styles are set by scripts.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// These routes, with the page beside them.
pub(crate) fn with_page(routes: Router<Shared>) -> Router<Shared> {
    // The page would otherwise ask a validator on the internet about the document.
    let page = SwaggerUi::new("/docs").config(Config::from(DOCUMENT).validator_url("none"));
    routes.merge(Router::from(page).layer(from_fn(protected)))
}

/// This document
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "document",
    tag = "Operations",
    params(("If-None-Match" = String, Header)),
    responses(
        (status = 200, description = "The document", body = ref("#/components/schemas/Document")),
        (status = 304, description = "The caller has it"),
    ),
)]
pub(crate) async fn document(State(state): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    tagged(&headers, &state.document)
}

async fn protected(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.status() == StatusCode::NOT_FOUND {
        return unknown().await.into_response();
    }
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

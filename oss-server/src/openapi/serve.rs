//! The document and the page that shows it. Both are open: they tell nothing that the source does not.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::etag::tagged;
use crate::routes::{AppState, unknown};

/// Where the document is.
const DOCUMENT: &str = "/openapi.json";

/// The page runs what comes with it, and speaks to this server alone. Its styles are set by scripts.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Routes for the document and its page.
pub(crate) fn served(document: Value) -> Router<AppState> {
    let document = Arc::new(document);
    let send = async move |headers: HeaderMap| tagged(&headers, &*document);
    // The page would otherwise ask a validator on the internet about the document.
    let page = SwaggerUi::new("/docs").config(Config::from(DOCUMENT).validator_url("none"));
    Router::from(page).layer(from_fn(protected)).route(DOCUMENT, get(send))
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

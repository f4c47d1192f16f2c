//! The document and the page that shows it. Both are open: they tell nothing that the source does not.
//!
//! Anyone may ask for them as often as they like, so each answer is built once. A request for it costs no more than sending it.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa_swagger_ui::Config;

use crate::etag::TaggedAnswer;
use crate::problem::Problem;
use crate::routes::{Shared, unknown};

/// Where the document is.
const DOCUMENT: &str = "/openapi.json";

/// The page runs what comes with it, and speaks to this server alone. Its styles are set by scripts.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page.
const PAGE: &str = "index.html";

/// The page and the files that it loads.
const FILES: [&str; 8] = [
    PAGE,
    "index.css",
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-initializer.js",
    "favicon-16x16.png",
    "favicon-32x32.png",
];

/// The answers with these files, by name. They are the same in every server of a process.
static ANSWERS: LazyLock<Vec<(&str, TaggedAnswer)>> = LazyLock::new(|| {
    // The page would otherwise ask a validator on the internet about the document.
    let config = Arc::new(Config::from(DOCUMENT).validator_url("none"));
    FILES.into_iter().filter_map(|name| Some((name, built(name, &config)?))).collect()
});

fn built(name: &str, config: &Arc<Config<'static>>) -> Option<TaggedAnswer> {
    let file = utoipa_swagger_ui::serve(name, config.clone()).ok()??;
    let body = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    Some(TaggedAnswer::new(file.content_type.parse().ok()?, body))
}

/// Adds the page to these routes.
#[expect(
    clippy::disallowed_methods,
    reason = "the page is open, and it shows the document instead of being in it"
)]
pub(crate) fn with_page(routes: Router<Shared>) -> Router<Shared> {
    routes
        .route("/docs", get(async || protected(Redirect::to("/docs/").into_response())))
        .route("/docs/", get(async |headers: HeaderMap| file(Ok(Path(PAGE.to_owned())), headers).await))
        .route("/docs/{*file}", get(file))
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
pub(crate) async fn document(State(state): State<Shared>, headers: HeaderMap) -> Response {
    state.document.for_request(&headers)
}

async fn file(name: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Result<Response, Problem> {
    match name.ok().and_then(|Path(name)| answer(&name, &headers)) {
        Some(answer) => Ok(answer),
        None => Err(unknown().await),
    }
}

fn answer(name: &str, headers: &HeaderMap) -> Option<Response> {
    let (_, answer) = ANSWERS.iter().find(|(known, _)| *known == name)?;
    Some(protected(answer.for_request(headers)))
}

fn protected(mut response: Response) -> Response {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_file_that_it_names() {
        let config = Arc::new(Config::from(DOCUMENT));
        let page = utoipa_swagger_ui::serve(PAGE, config).unwrap().unwrap();
        let page = String::from_utf8(page.bytes.into_owned()).unwrap();
        let named = ["href=\"", "src=\""].into_iter().flat_map(|attribute| page.split(attribute).skip(1));
        let named: Vec<&str> =
            named.map(|rest| rest.split('"').next().unwrap().trim_start_matches("./")).collect();
        assert_eq!(named.len(), FILES.len() - 1, "{named:?}");
        for name in named {
            assert!(answer(name, &HeaderMap::new()).is_some(), "{name}");
        }
    }
}

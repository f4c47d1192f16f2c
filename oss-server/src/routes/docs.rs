//! The document and the page that shows it. Both are open, because they reveal nothing that the source does not.
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
use crate::state::Shared;

/// The page runs only its own scripts and connects only to this server. Its scripts set its styles.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The path of the page, without the slash that the names of its files need.
pub(crate) const PATH: &str = "/docs";

/// The name of the page's file.
const PAGE: &str = "index.html";

/// The files of the page that are ours: name, type and text. Swagger UI's own ones would show its name instead of the product's.
const OURS: [(&str, &str, &str); 2] = [
    (PAGE, "text/html; charset=utf-8", include_str!("page/index.html")),
    ("initializer.js", "text/javascript; charset=utf-8", include_str!("page/initializer.js")),
];

/// The files of Swagger UI that the page loads.
const SWAGGER_UI: [&str; 2] = ["swagger-ui.css", "swagger-ui-bundle.js"];

/// The answers with these files, by name. They are the same in every server of a process.
static ANSWERS: LazyLock<Vec<(&str, TaggedAnswer)>> = LazyLock::new(|| {
    let ours = OURS.map(|(name, kind, text)| {
        (name, TaggedAnswer::new(HeaderValue::from_static(kind), Bytes::from_static(text.as_bytes())))
    });
    let vendored = SWAGGER_UI.into_iter().filter_map(|name| Some((name, vendored(name)?)));
    ours.into_iter().chain(vendored).collect()
});

fn vendored(name: &str) -> Option<TaggedAnswer> {
    // The configuration has no effect here: it changes only a file that the page does not load.
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::default())).ok()??;
    let body = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    Some(TaggedAnswer::new(file.content_type.parse().ok()?, body))
}

/// Adds the page to these routes, and redirects the root path to it.
#[expect(
    clippy::disallowed_methods,
    reason = "the page is open, and it shows the document instead of being in it"
)]
pub(crate) fn with_page(routes: Router<Shared>) -> Router<Shared> {
    routes
        .route("/", get(redirect_to_page))
        .route(PATH, get(redirect_to_page))
        .route("/docs/", get(async |headers: HeaderMap| file(Ok(Path(PAGE.to_owned())), headers).await))
        .route("/docs/{*file}", get(file))
}

async fn redirect_to_page() -> Response {
    protect(Redirect::to("/docs/").into_response())
}

/// This document
///
/// It is made of the routes of this server and open to everyone. `/docs` shows it in a browser.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "showDocument",
    tag = "Operations",
    params(("If-None-Match" = String, Header)),
    responses(
        (status = 200, description = "The document", body = ref("#/components/schemas/OpenApiDocument")),
        (status = 304, description = "The caller has it"),
    ),
)]
pub(crate) async fn document(State(state): State<Shared>, headers: HeaderMap) -> Response {
    state.document.for_request(&headers)
}

async fn file(name: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Result<Response, Problem> {
    name.ok().and_then(|Path(name)| answer(&name, &headers)).ok_or_else(Problem::of_path)
}

fn answer(name: &str, headers: &HeaderMap) -> Option<Response> {
    let (_, answer) = ANSWERS.iter().find(|(file, _)| *file == name)?;
    Some(protect(answer.for_request(headers)))
}

fn protect(mut response: Response) -> Response {
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
        let (_, _, page) = OURS[0];
        let named = ["href=\"", "src=\""].into_iter().flat_map(|attribute| page.split(attribute).skip(1));
        let named = named.map(|rest| rest.split('"').next().unwrap());
        let named: Vec<&str> = named.filter(|name| !name.starts_with("data:")).collect();
        assert_eq!(named.len(), ANSWERS.len() - 1, "{named:?}");
        for name in named {
            assert!(answer(name, &HeaderMap::new()).is_some(), "{name}");
        }
    }
}

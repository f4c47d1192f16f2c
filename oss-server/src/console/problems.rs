//! Shows problems as pages, and gives every answer of the console the headers that protect it.

use std::sync::Arc;

use axum::Extension;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use oss_core::ErrorType;
use serde::Deserialize;

use super::Console;
use super::frame::{Frame, page};
use super::texts::{Detail, Language};
use super::visitor::{OpenToken, language_of};
use crate::problem::Reported;

/// The pages load only this server's own files, run no inline script, send forms only to this server, and are in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // A path may have a number.
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The longest problem, in bytes.
const LONGEST: usize = 64 * 1024;

/// The parts of a problem that a page shows.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    r#type: String,
    title: String,
    status: u16,
    detail: String,
    instance: Option<String>,
    retry_after_seconds: Option<u64>,
    #[serde(default)]
    errors: Vec<ShownFault>,
}

#[derive(Deserialize)]
struct ShownFault {
    field: String,
}

#[derive(askama::Template)]
#[template(path = "console/problem.html")]
struct ProblemPage {
    frame: Frame,
    title: String,
    detail: Detail,
    problem: Shown,
}

impl ProblemPage {
    fn of(mut problem: Shown, frame: Frame) -> Self {
        let code = problem.r#type.strip_prefix(ErrorType::URN).unwrap_or(&problem.r#type);
        let fields = problem.errors.iter().map(|fault| fault.field.as_str());
        let detail = frame.language.detail(code, std::mem::take(&mut problem.detail), fields);
        // The names of the statuses are English.
        let title = match frame.language {
            Language::English => std::mem::take(&mut problem.title),
            Language::Portuguese => problem.status.to_string(),
        };
        Self { frame, title, detail, problem }
    }
}

/// Shows the problems of the inner routes as pages. A browser that has no token gets one from a server without keys.
pub(super) async fn as_pages(
    Extension(console): Extension<Arc<Console>>,
    mut request: Request,
    next: Next,
) -> Response {
    let new_token = console.new_open_token(request.headers());
    let cookie = new_token.as_ref().map(|token| console.session_cookie(request.headers(), token));
    if let Some(token) = new_token {
        request.extensions_mut().insert(OpenToken(token));
    }
    let language = language_of(request.headers());
    let is_asset = request.uri().path().starts_with("/console/assets/");
    let answer = next.run(request).await;
    let mut answer = match answer.extensions().get::<Reported>() {
        Some(_) => as_page(answer, Frame::bare(language)).await,
        None => answer,
    };
    let headers = answer.headers_mut();
    headers.extend(cookie.filter(|_| !is_asset).map(|cookie| (header::SET_COOKIE, cookie)));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !is_asset {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    answer
}

async fn as_page(answer: Response, frame: Frame) -> Response {
    let (parts, body) = answer.into_parts();
    let shown = match to_bytes(body, LONGEST).await {
        Ok(body) => serde_json::from_slice(&body).ok(),
        Err(_) => None,
    };
    let Some(problem) = shown else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let mut shown = (parts.status, page(&ProblemPage::of(problem, frame))).into_response();
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = parts.headers.get(&name) {
            shown.headers_mut().insert(name, value.clone());
        }
    }
    // For the log line of the request.
    shown.extensions_mut().extend(parts.extensions);
    shown
}

//! The files that the pages load. They reveal nothing, so they are open.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use crate::etag::TaggedAnswer;
use crate::problem::Problem;

/// Each file with its type and its text.
const FILES: [(&str, &str, &str); 3] = [
    ("console.css", "text/css; charset=utf-8", include_str!("assets/console.css")),
    ("console.js", "text/javascript; charset=utf-8", include_str!("assets/console.js")),
    ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
];

static ANSWERS: LazyLock<Vec<(&str, TaggedAnswer)>> = LazyLock::new(|| {
    let answer = |(name, kind, text): (&'static str, &'static str, &'static str)| {
        (name, TaggedAnswer::new(HeaderValue::from_static(kind), Bytes::from_static(text.as_bytes())))
    };
    FILES.map(answer).into()
});

pub(super) async fn show(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let answer = ANSWERS.iter().find(|(file, _)| *file == name);
    let (_, answer) = answer.ok_or_else(Problem::of_path)?;
    Ok(answer.for_request(&headers))
}

//! Answers that a caller may keep if it asks each time whether they are still current (RFC 9110, section 13.1.2).
//!
//! The tag is made of the answer itself, so it is the same on every server and changes only if the answer does.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::problem::Problem;

/// The answer with its tag, or 304 if the caller has it.
pub(crate) fn tagged(request: &HeaderMap, answer: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(answer).map_err(|_| Problem::internal("the answer cannot be written"))?;
    Ok(TaggedAnswer::new(HeaderValue::from_static("application/json"), body.into()).for_request(request))
}

/// An answer and its tag, built once and sent any number of times: a copy shares the bytes.
#[derive(Debug, Clone)]
pub(crate) struct TaggedAnswer {
    content_type: HeaderValue,
    body: Bytes,
    tag: String,
}

impl TaggedAnswer {
    /// Computes the tag of a body.
    pub(crate) fn new(content_type: HeaderValue, body: Bytes) -> Self {
        Self { content_type, tag: tag(&body), body }
    }

    /// The answer to a request with these headers: the body, or 304 if the caller has it.
    pub(crate) fn for_request(&self, request: &HeaderMap) -> Response {
        let mut response = if is_current(request, &self.tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, self.content_type.clone())], self.body.clone()).into_response()
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        // Quotes and hexadecimal digits are allowed in a header.
        headers.extend(HeaderValue::from_str(&self.tag).map(|tag| (header::ETAG, tag)));
        response
    }
}

fn tag(body: &[u8]) -> String {
    format!("\"{}\"", hex::encode(&Sha256::digest(body)[..16]))
}

/// Whether the caller has this answer. A tag that a proxy has weakened still counts.
fn is_current(request: &HeaderMap, tag: &str) -> bool {
    let values = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|theirs| theirs == "*" || theirs.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(known: &[&str]) -> u16 {
        let mut request = HeaderMap::new();
        for value in known {
            request.append(header::IF_NONE_MATCH, HeaderValue::from_str(value).unwrap());
        }
        tagged(&request, &[1, 2]).unwrap().status().as_u16()
    }

    #[test]
    fn an_unchanged_answer_is_not_sent_again() {
        let ours = tag(b"[1,2]");
        assert_eq!(ours, tag(b"[1,2]"));
        assert_ne!(ours, tag(b"[1,3]"));
        let (weak, several) = (format!("W/{ours}"), format!("\"x\", {ours}"));
        for known in [vec![ours.as_str()], vec!["*"], vec![&weak], vec![&several], vec!["\"x\"", &ours]] {
            assert_eq!(status(&known), 304, "{known:?}");
        }
        for known in [vec![], vec!["\"x\""], vec![ours.trim_matches('"')], vec![""]] {
            assert_eq!(status(&known), 200, "{known:?}");
        }
    }
}

//! Bodies of requests: JSON objects whose fields are read by name, so that every fault is told with the field's name.

use std::str::FromStr;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::LengthLimitError;
use oss_core::Malformed;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::limits::{BODY_TIME, LONGEST_BODY};
use crate::problem::{Fault, Problem};

/// How many unknown fields are named in a problem, and how much of each name.
const NAMED: usize = 5;
const NAME_LENGTH: usize = 40;

/// The fields of a body that have not been read yet, and the faults of those that have.
pub(crate) struct Fields {
    unread: Map<String, Value>,
    faults: Vec<Fault>,
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "the body has to be JSON; send Content-Type: application/json",
            ));
        }
        let body =
            timeout(BODY_TIME, to_bytes(request.into_body(), LONGEST_BODY)).await.map_err(|_| too_slow())?;
        let body = body.map_err(unread)?;
        match serde_json::from_slice(&body) {
            Ok(Value::Object(unread)) => Ok(Self { unread, faults: Vec::new() }),
            Ok(_) => Err(not_an_object("the body is no JSON object".to_owned())),
            // The parser's own text may repeat what was sent.
            Err(error) => Err(not_an_object(format!(
                "the body is no JSON object; it cannot be read at line {}, column {}",
                error.line(),
                error.column()
            ))),
        }
    }
}

impl Fields {
    /// A field that has to be there. Where it is not what its type asks for, [`Fields::finish`] says so.
    pub(crate) fn required<T: FromStr<Err = Malformed>>(&mut self, name: &'static str) -> Option<T> {
        let Some(value) = self.unread.remove(name) else {
            self.fault(name, "it to be given");
            return None;
        };
        self.read(name, &value)
    }

    /// A field that may be left out, or null.
    pub(crate) fn optional<T: FromStr<Err = Malformed>>(&mut self, name: &'static str) -> Option<T> {
        match self.unread.remove(name)? {
            Value::Null => None,
            value => self.read(name, &value),
        }
    }

    /// Where the fields that were read are well formed each, but not what was expected of them together, a fault of each.
    pub(crate) fn together<T>(&mut self, names: &[&'static str], value: Result<T, Malformed>) -> Option<T> {
        let malformed = match value {
            Ok(value) => return Some(value),
            Err(malformed) => malformed,
        };
        let names = if self.faults.is_empty() { names } else { &[] };
        for name in names {
            self.fault(name, malformed.expected);
        }
        None
    }

    /// Refuses what was not what was expected, and every field that nobody asked for.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<T, Problem> {
        let unknown: Vec<String> = self.unread.keys().take(NAMED).map(|name| shortened(name)).collect();
        for name in unknown {
            self.fault(&name, "no such field");
        }
        value.filter(|_| self.faults.is_empty()).ok_or_else(|| Problem::malformed(self.faults))
    }

    fn read<T: FromStr<Err = Malformed>>(&mut self, name: &'static str, value: &Value) -> Option<T> {
        let read = value
            .as_str()
            .ok_or("text")
            .and_then(|text| text.parse().map_err(|error: Malformed| error.expected));
        read.map_err(|expected| self.fault(name, expected)).ok()
    }

    fn fault(&mut self, field: &str, expected: &str) {
        self.faults.push(Fault { field: field.to_owned(), expected: expected.to_owned() });
    }
}

/// A name is shown as far as it can be one: a caller may have put a number there.
fn shortened(name: &str) -> String {
    name.chars()
        .take(NAME_LENGTH)
        .map(|char| if char.is_ascii_alphabetic() || char == '_' { char } else { '?' })
        .collect()
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn not_an_object(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed-body", detail)
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", "the body did not arrive within 10 seconds")
}

fn unread(error: axum::Error) -> Problem {
    if error.into_inner().is::<LengthLimitError>() {
        return Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            "the body is longer than 16 KiB",
        );
    }
    Problem::new(StatusCode::BAD_REQUEST, "malformed-body", "the body could not be read to its end")
}

//! Bodies of requests: JSON objects whose fields are read by name, so that every fault is told with the field's name.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use oss_core::Malformed;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::limits::{BODY_TIME, LONGEST_BODY};
use crate::problem::{BODY_TOO_LARGE, BODY_TOO_SLOW, Fault, MALFORMED_BODY, Problem, UNSUPPORTED_MEDIA_TYPE};

/// How some editors and spreadsheets begin a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// How much is read of a body after it turned out to be too long, and for how long. Many clients send a whole body before they
/// read, so this is more than a body that was sent by mistake has.
const DRAINED: usize = 8 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(1);

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
                UNSUPPORTED_MEDIA_TYPE,
                "the body has to be JSON; send Content-Type: application/json",
            ));
        }
        if is_encoded(request.headers()) {
            return Err(Problem::new(
                UNSUPPORTED_MEDIA_TYPE,
                "the body is compressed or otherwise encoded; send it as it is, without Content-Encoding",
            ));
        }
        let body = timeout(BODY_TIME, read(request.into_body())).await.map_err(|_| too_slow())??;
        Self::parse(body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&body))
    }
}

impl Fields {
    fn parse(body: &[u8]) -> Result<Self, Problem> {
        // The parser's own text may repeat what was sent.
        let Members { values, repeated } =
            serde_json::from_slice(body).map_err(|error: serde_json::Error| {
                not_an_object(match error.classify() {
                    Category::Data => "the body is no JSON object".to_owned(),
                    _ => format!(
                        "the body is no JSON object; it cannot be read at line {}, column {}",
                        error.line(),
                        error.column()
                    ),
                })
            })?;
        let mut fields = Self { unread: values, faults: Vec::new() };
        for name in repeated.iter().take(NAMED) {
            fields.fault(&shortened(name), "one value, not several");
        }
        Ok(fields)
    }

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

/// The members of a JSON object, and the names that came more than once: of two values nobody knows which one is meant.
struct Members {
    values: Map<String, Value>,
    repeated: Vec<String>,
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Collect)
    }
}

struct Collect;

impl<'de> Visitor<'de> for Collect {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Members { values: Map::new(), repeated: Vec::new() };
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if members.values.insert(name.clone(), value).is_some() {
                members.repeated.push(name);
            }
        }
        Ok(members)
    }
}

/// Reads a body to its end. Of one that is too long a little more is read: a client that still sends when the connection is
/// closed may never see the answer.
async fn read(mut body: Body) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| unread())?.into_data() else { continue };
        if bytes.len() + data.len() > LONGEST_BODY {
            let _ = timeout(DRAIN_TIME, drain(body)).await;
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

async fn drain(mut body: Body) {
    let mut left = DRAINED;
    while let (1.., Some(Ok(frame))) = (left, body.frame().await) {
        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
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

fn is_encoded(headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(header::CONTENT_ENCODING).iter();
    given.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn not_an_object(detail: String) -> Problem {
    Problem::new(MALFORMED_BODY, detail)
}

fn too_slow() -> Problem {
    Problem::new(BODY_TOO_SLOW, "the body did not arrive within 10 seconds")
}

fn too_large() -> Problem {
    Problem::new(BODY_TOO_LARGE, "the body is longer than 16 KiB")
}

fn unread() -> Problem {
    Problem::new(MALFORMED_BODY, "the body could not be read to its end")
}

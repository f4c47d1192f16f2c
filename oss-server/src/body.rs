//! Reads the bodies of requests: JSON objects. A problem names every field at fault.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use oss_core::Malformed;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Value};
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::limits::{BODY_TIME, LONGEST_BODY};
use crate::problem::{
    BODY_TOO_LARGE, BODY_TOO_SLOW, EXPECTED, Expectation, Fault, MALFORMED_BODY, Problem,
    UNSUPPORTED_MEDIA_TYPE,
};

/// The bytes with which some editors and spreadsheets begin a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The most bytes that are read of a body after it turned out to be too long, and the longest time for that. Many clients send a
/// whole body before they read the answer, so this is larger than any body that is sent by mistake.
const DRAINED: usize = 8 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// The most unknown fields that a problem names, and the most characters of each name.
const NAMED: usize = 5;
const NAME_LENGTH: usize = 40;

/// A body that is read as `T`.
pub(crate) struct Body<T>(pub(crate) T);

/// A type as which a body is read.
pub(crate) trait RequestBody: DeserializeOwned + ToSchema {
    /// The longest body of this type that is read, in bytes.
    const LONGEST: usize = LONGEST_BODY;

    /// Whether an empty body is one without fields. The document of such an operation has the extension `x-optional-body`.
    const IS_OPTIONAL: bool = false;

    /// Reads the fields of a body.
    fn read(fields: Fields) -> Result<Self, Problem> {
        fields.read()
    }
}

impl<S: Send + Sync, T: RequestBody> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if T::IS_OPTIONAL && request.body().is_end_stream() {
            return T::read(Fields::default()).map(Self);
        }
        T::read(Fields::of_request(request, T::LONGEST).await?).map(Self)
    }
}

/// A handler takes the fields themselves if it has to look at something else before it reads them.
impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        Self::of_request(request, LONGEST_BODY).await
    }
}

impl Fields {
    /// Reads the body of a request, of at most `longest` bytes.
    async fn of_request(request: Request, longest: usize) -> Result<Self, Problem> {
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
        let body = timeout(BODY_TIME, read(request.into_body(), longest)).await;
        let body =
            body.map_err(|_| Problem::new(BODY_TOO_SLOW, "the body did not arrive within 10 seconds"))??;
        Self::parse(body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&body))
    }
}

/// Reads a field from a text, with the parser of its type.
pub(crate) fn text<'de, D: Deserializer<'de>, T: FromStr<Err: Expectation>>(field: D) -> Result<T, D::Error> {
    match Value::deserialize(field)? {
        Value::String(text) => text.parse().map_err(D::Error::custom),
        _ => Err(D::Error::custom(Malformed { expected: "text" })),
    }
}

/// Reads a field as [`text`] does, but accepts null. With serde's `default` it may also be left out.
pub(crate) fn optional_text<'de, D: Deserializer<'de>, T: FromStr<Err: Expectation>>(
    field: D,
) -> Result<Option<T>, D::Error> {
    match Value::deserialize(field)? {
        Value::Null => Ok(None),
        value => text(value).map(Some).map_err(D::Error::custom),
    }
}

/// Reads a field that is true or false.
pub(crate) fn switch<'de, D: Deserializer<'de>>(field: D) -> Result<bool, D::Error> {
    Value::deserialize(field)?
        .as_bool()
        .ok_or_else(|| D::Error::custom(Malformed { expected: "true or false" }))
}

/// The fields of a body that have not been refused yet, and the faults of those that have.
#[derive(Default)]
pub(crate) struct Fields {
    left: Map<String, Value>,
    faults: Vec<Fault>,
    /// The names of fields that no body of this kind has.
    unknown: Vec<String>,
}

impl Fields {
    /// The fields of a query, each a text.
    pub(crate) fn of_query(parameters: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut fields = Self::default();
        parameters.into_iter().for_each(|(name, text)| fields.add(name, Value::String(text)));
        fields
    }

    fn parse(body: &[u8]) -> Result<Self, Problem> {
        serde_json::from_slice(body).map_err(|error| {
            // The parser's own message may repeat what was sent.
            let at = match error.classify() {
                Category::Data => String::new(),
                _ => format!("; it cannot be read at line {}, column {}", error.line(), error.column()),
            };
            Problem::new(MALFORMED_BODY, format!("the body is no JSON object{at}"))
        })
    }

    /// Reads the fields as `T`, or reports every fault.
    pub(crate) fn read<T: DeserializeOwned + ToSchema>(mut self) -> Result<T, Problem> {
        match self.try_read() {
            Some(value) if self.faults.is_empty() && self.unknown.is_empty() => return Ok(value),
            Some(_) => {}
            None => self.add_missing(&required::<T>()),
        }
        Err(self.refuse())
    }

    /// Reads the fields as `T`. Each field at fault is removed, and the others are read again. Returns none if a field is missing.
    fn try_read<T: DeserializeOwned>(&mut self) -> Option<T> {
        loop {
            let error = match serde_path_to_error::deserialize::<_, T>(&self.left) {
                Ok(value) => return Some(value),
                Err(error) => error,
            };
            let at_fault = error.path().iter().next().map(ToString::to_string);
            let (field, _) = at_fault.and_then(|name| self.left.remove_entry(&name))?;
            let message = error.inner().to_string();
            match message.strip_prefix(EXPECTED) {
                Some(expected) => self.add_fault(&field, expected),
                None => self.unknown.push(field),
            }
        }
    }

    /// Returns the one of these fields that is given and not null. If there is none, or several, each of them is at fault, unless
    /// one is malformed by itself. `T` has all of these fields, and none is required.
    pub(crate) fn only_one_of<T: DeserializeOwned>(
        &mut self,
        names: &[&'static str],
        expected: &str,
    ) -> Option<&'static str> {
        self.left.retain(|name, value| !names.contains(&name.as_str()) || !value.is_null());
        self.only_one_given::<T>(names, expected)
    }

    /// Returns the one of these fields that is given, as [`Self::only_one_of`] does. A field that is null is given too.
    pub(crate) fn only_one_given<T: DeserializeOwned>(
        &mut self,
        names: &[&'static str],
        expected: &str,
    ) -> Option<&'static str> {
        let is_given = |name: &&&str| self.left.contains_key(**name);
        let given: Vec<&'static str> = names.iter().filter(is_given).copied().collect();
        if let [only] = given[..] {
            return Some(only);
        }
        self.try_read::<T>();
        let names = if self.faults.is_empty() { names } else { &[] };
        for name in names {
            self.add_fault(name, expected);
        }
        None
    }

    /// Returns the problem that names every fault, and the names that are unknown.
    pub(crate) fn refuse(mut self) -> Problem {
        for name in std::mem::take(&mut self.unknown).iter().take(NAMED) {
            self.add_fault(&shortened(name), "no field of this name");
        }
        Problem::malformed(self.faults)
    }

    /// Adds a fault for each field that is required, not given, and not at fault yet.
    fn add_missing(&mut self, required: &[String]) {
        for name in required {
            let is_given =
                self.left.contains_key(name) || self.faults.iter().any(|fault| fault.field == *name);
            if !is_given {
                self.add_fault(name, "a value");
            }
        }
    }

    /// Adds a field, or a fault if it is there already.
    fn add(&mut self, name: String, value: Value) {
        let shown = shortened(&name);
        if self.left.insert(name, value).is_some() && self.faults.len() < NAMED {
            self.add_fault(&shown, "one value, not several");
        }
    }

    fn add_fault(&mut self, field: &str, expected: &str) {
        self.faults.push(Fault { field: field.to_owned(), expected: expected.to_owned() });
    }
}

/// The fields that a body of this type has to have.
fn required<T: ToSchema>() -> Vec<String> {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object.required,
        _ => Vec::new(),
    }
}

/// Reads the members of a JSON object. A name that occurs more than once is a fault, because nobody knows which of its values is
/// meant.
impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

impl<'de> Visitor<'de> for Fields {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            self.add(name, value);
        }
        Ok(self)
    }
}

/// Reads a body to its end. If it is too long, a little more of it is read, because a client that still sends when the connection
/// is closed may never see the answer.
async fn read(mut body: axum::body::Body, longest: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| Problem::new(MALFORMED_BODY, "the body could not be read to its end"))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > longest {
            let _ = timeout(DRAIN_TIME, drain(body)).await;
            return Err(Problem::new(
                BODY_TOO_LARGE,
                format!("the body is longer than {} KiB", longest / 1024),
            ));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

async fn drain(mut body: axum::body::Body) {
    let mut left = DRAINED;
    while let (1.., Some(Ok(frame))) = (left, body.frame().await) {
        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
    }
}

/// The beginning of a name. Characters that no field has are replaced, because a caller may have put a number there.
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

#[cfg(test)]
mod tests {
    use oss_core::{Ddd, SimId};

    use super::*;

    #[derive(Debug, serde::Deserialize, ToSchema)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "only the faults are looked at")]
    struct Sample {
        #[serde(deserialize_with = "text")]
        area_code: Ddd,
        #[serde(deserialize_with = "text")]
        sim_id: SimId,
        #[serde(default, deserialize_with = "optional_text")]
        other: Option<Ddd>,
    }

    /// The body of the problem that refuses these fields; none if they are read.
    fn refused(body: &str) -> Option<String> {
        let problem = Fields::parse(body.as_bytes()).and_then(Fields::read::<Sample>).err()?;
        Some(String::from_utf8(problem.json(None)).unwrap())
    }

    fn faults(body: &str) -> Vec<(String, String)> {
        let Some(problem) = refused(body) else { return Vec::new() };
        let errors = serde_json::from_str::<Value>(&problem).unwrap()["errors"].take();
        let text = |fault: &Value, name: &str| fault[name].as_str().unwrap().to_owned();
        errors.as_array().unwrap().iter().map(|f| (text(f, "field"), text(f, "expected"))).collect()
    }

    #[test]
    fn every_fault_of_a_body_is_reported_at_once() {
        let sim = r#""simId":"01920e4b-9d21-7f3a-b5c6-6f2d8a40e1b7""#;
        let ddd = "a DDD: two digits, for example 11";
        for (body, expected) in [
            (format!(r#"{{"areaCode":"11",{sim},"other":null}}"#), &[][..]),
            ("{}".to_owned(), &[("areaCode", "a value"), ("simId", "a value")]),
            (r#"{"simId":7}"#.to_owned(), &[("simId", "text"), ("areaCode", "a value")]),
            (
                format!(r#"{{"a":1,"other":"1","areaCode":"x",{sim}}}"#),
                &[("areaCode", ddd), ("other", ddd), ("a", "no field of this name")],
            ),
            (
                format!(r#"{{"areaCode":"11","areaCode":"12",{sim}}}"#),
                &[("areaCode", "one value, not several")],
            ),
        ] {
            let found = faults(&body);
            let found: Vec<_> =
                found.iter().map(|(field, expected)| (field.as_str(), expected.as_str())).collect();
            assert_eq!(found, expected, "{body}");
        }
    }

    #[test]
    fn nothing_that_was_sent_is_repeated() {
        for body in [
            r#"{"areaCode":"11999950001","simId":11999950001,"11999950001":1,"other":["11999950001"]}"#,
            r#"{"areaCode":{"11999950001":"11999950001"},"simId":"11999950001"}"#,
        ] {
            let problem = refused(body).unwrap();
            assert!(!problem.contains("999"), "{problem}");
        }
    }
}

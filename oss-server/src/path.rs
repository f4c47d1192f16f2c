//! Reads the parameters of a path with the parsers of their types.

use std::collections::HashMap;
use std::str::FromStr;

use crate::problem::{Expectation, Fault, Problem};
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, RawPathParams};
use axum::http::request::Parts;

/// The parameters of a path, by the names they have in its route.
pub(crate) struct Params(RawPathParams);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match RawPathParams::from_request_parts(parts, state).await {
            Ok(params) => Ok(Self(params)),
            Err(_) => Err(not_utf8(parts, state).await),
        }
    }
}

impl Params {
    /// A parameter, or the problem that names it.
    pub(crate) fn get<T: FromStr<Err: Expectation>>(&self, name: &'static str) -> Result<T, Problem> {
        let text = self.0.iter().find(|(given, _)| *given == name).map(|(_, text)| text).unwrap_or_default();
        text.parse().map_err(|error| Problem::malformed(vec![Fault::of(name, &error)]))
    }
}

/// The problem that names the parameter. Only a slower way to read the parameters says which one it is.
async fn not_utf8<S: Send + Sync>(parts: &mut Parts, state: &S) -> Problem {
    let field = match Path::<HashMap<String, String>>::from_request_parts(parts, state).await {
        Err(PathRejection::FailedToDeserializePathParams(failed)) => match failed.into_kind() {
            ErrorKind::InvalidUtf8InPathParam { key } => key,
            _ => "path".to_owned(),
        },
        _ => "path".to_owned(),
    };
    Problem::malformed(vec![Fault { field, expected: "UTF-8".to_owned() }])
}

//! Parameters of a path, through the parsers of their types.

use std::collections::HashMap;
use std::str::FromStr;

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use oss_core::Malformed;

use crate::problem::{Fault, Problem};

/// The parameters of a path, by the names they have in its route.
pub(crate) struct Params(HashMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<HashMap<String, String>>::from_request_parts(parts, state).await {
            Ok(Path(params)) => Ok(Self(params)),
            Err(rejection) => Err(not_utf8(rejection)),
        }
    }
}

impl Params {
    /// A parameter, or the problem that names it.
    pub(crate) fn get<T: FromStr<Err = Malformed>>(&self, name: &'static str) -> Result<T, Problem> {
        let text = self.0.get(name).map(String::as_str).unwrap_or_default();
        text.parse().map_err(|Malformed { expected }| {
            Problem::malformed(vec![Fault { field: name.to_owned(), expected: expected.to_owned() }])
        })
    }
}

fn not_utf8(rejection: PathRejection) -> Problem {
    let field = match rejection {
        PathRejection::FailedToDeserializePathParams(failed) => match failed.into_kind() {
            ErrorKind::InvalidUtf8InPathParam { key } => key,
            _ => "path".to_owned(),
        },
        _ => "path".to_owned(),
    };
    Problem::malformed(vec![Fault { field, expected: "UTF-8".to_owned() }])
}

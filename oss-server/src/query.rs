//! Reads the parameters of a query with the parsers of their types. A problem names every parameter at fault.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use url::form_urlencoded;

use crate::body::Fields;
use crate::problem::Problem;

/// The parameters of a query, as fields.
pub(crate) struct Query(pub(crate) Fields);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(Fields::of_query(form_urlencoded::parse(query.as_bytes()).into_owned())))
    }
}

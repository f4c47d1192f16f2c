//! Reads the forms and the queries of the console.

use std::str::FromStr;

use axum::body::{Body, to_bytes};
use tokio::time::timeout;
use url::form_urlencoded;

use crate::limits::{BODY_TIME, LONGEST_BULK_BODY};
use crate::problem::{BODY_TOO_LARGE, BODY_TOO_SLOW, Expectation, Fault, Problem};

/// The name of the field with the token of a form.
pub(super) const FORM_TOKEN: &str = "form_token";

/// The fields of a form or a query.
#[derive(Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads the body of a request.
    pub(super) async fn of_body(body: Body) -> Result<Self, Problem> {
        let body = timeout(BODY_TIME, to_bytes(body, LONGEST_BULK_BODY)).await;
        let body =
            body.map_err(|_| Problem::new(BODY_TOO_SLOW, "the form did not arrive within 10 seconds"))?;
        let body = body.map_err(|_| Problem::new(BODY_TOO_LARGE, "the form is longer than 64 KiB"))?;
        Ok(Self(form_urlencoded::parse(&body).into_owned().collect()))
    }

    /// Reads a query.
    pub(super) fn of_query(query: Option<&str>) -> Self {
        let query = query.unwrap_or_default();
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The text of a field without the spaces around it; empty if it is left out.
    pub(super) fn text(&self, field: &str) -> &str {
        let value = self.0.iter().find(|(name, _)| name == field);
        value.map_or("", |(_, value)| value.trim())
    }

    /// Each value of a field that may be there several times.
    pub(super) fn every(&self, field: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(name, _)| name == field).map(|(_, value)| value.trim())
    }

    /// Reads a field with the parser of its type; none if it is empty.
    pub(super) fn optional<T: FromStr<Err: Expectation>>(&self, field: &str) -> Result<Option<T>, Problem> {
        match self.text(field) {
            "" => Ok(None),
            text => {
                text.parse().map(Some).map_err(|error| Problem::malformed(vec![Fault::of(field, &error)]))
            }
        }
    }

    /// Whether a box is marked.
    pub(super) fn is_marked(&self, field: &str) -> bool {
        !self.text(field).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use oss_core::Ddd;

    use super::*;

    #[test]
    fn an_empty_field_is_left_out_and_a_wrong_one_is_named() {
        let form = Form::of_query(Some("ddd=&brand=+acme+&n=1&n=2&wrong=1"));
        assert_eq!(form.optional::<Ddd>("ddd").unwrap(), None);
        assert_eq!(form.text("brand"), "acme");
        assert_eq!(form.every("n").collect::<Vec<_>>(), ["1", "2"]);
        assert!(form.is_marked("n") && !form.is_marked("ddd") && !form.is_marked("other"));
        let problem = form.optional::<Ddd>("wrong").unwrap_err();
        assert!(problem.log_and_shorten().detail.starts_with("wrong: expected a DDD"));
    }
}

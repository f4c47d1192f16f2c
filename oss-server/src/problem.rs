//! Errors as callers get them: `application/problem+json` (RFC 9457), with fields that a program can use.
//!
//! Nothing here repeats what the caller sent, because it may be a phone number.

mod types;

use std::fmt;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use oss_core::access::Scope;
use oss_core::sigan::Refusal;
use oss_core::store::StoreError;
use oss_core::{Error, ErrorType, Malformed, MalformedAt, whole_seconds};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use self::types::*;
use crate::request_span;

/// A fault of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(examples(json!({ "field": "areaCode", "expected": "a DDD: two digits, for example 11" })))]
pub(crate) struct Fault {
    /// The name of the field.
    pub(crate) field: String,
    /// The expected value.
    pub(crate) expected: String,
}

impl Fault {
    /// The fault of a field that a parser refused.
    pub(crate) fn of(field: &str, error: &impl Expectation) -> Self {
        let text = error.to_string();
        let expected = text.strip_prefix(EXPECTED).unwrap_or(&text);
        Self::expecting(field, expected)
    }

    /// The fault of a field that should have been something else.
    pub(crate) fn expecting(field: &str, expected: &str) -> Self {
        Self { field: field.to_owned(), expected: expected.to_owned() }
    }
}

/// The beginning of the text of an [`Expectation`].
pub(crate) const EXPECTED: &str = "expected ";

/// An error of a parser. Its text says what was expected, and never repeats what was read.
pub(crate) trait Expectation: fmt::Display {}

impl Expectation for Malformed {}

impl Expectation for MalformedAt {}

/// An error as the caller gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    /// A short and stable name, the end of `type`.
    code: &'static str,
    detail: Box<str>,
    /// The reason, for the log alone. None if the detail is the reason.
    internal: Option<Box<str>>,
    field: Option<&'static str>,
    faults: Box<[Fault]>,
    /// The reason why Sigan refused, if it did.
    reason: Option<Refusal>,
    retry_after: Option<u64>,
    challenge: Option<Challenge>,
}

/// The value of `WWW-Authenticate` if a key is refused (RFC 6750, 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Challenge {
    NoToken,
    InvalidToken,
    InsufficientScope(Scope),
    ForeignBrand,
}

impl Challenge {
    fn value(self) -> HeaderValue {
        match self {
            Self::NoToken => HeaderValue::from_static("Bearer"),
            Self::InvalidToken => HeaderValue::from_static("Bearer error=\"invalid_token\""),
            Self::ForeignBrand => HeaderValue::from_static("Bearer error=\"insufficient_scope\""),
            Self::InsufficientScope(scope) => {
                let text = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
                // The names of scopes are visible ASCII.
                HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
            }
        }
    }
}

/// A problem (RFC 9457).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem, examples(json!({
    "title": "Not Found",
    "status": 404,
    "detail": "preview 01920e4b-5f3c-7cc0-8a4e-2f6d1c9b7a10 does not exist; create one first",
    "instance": "urn:uuid:01920e4c-1d3a-7b52-8c11-97d4e2f0a635",
    "field": "previewId",
})))]
pub(crate) struct ProblemBody<'a> {
    // Each type of problem has a schema of its own, which adds this.
    #[schema(ignore)]
    r#type: String,
    /// The name of the status.
    title: &'a str,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The fault and what to do about it, for people.
    detail: &'a str,
    /// The request's id, as in `x-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = true, nullable = false, format = "uri")]
    instance: Option<String>,
    /// The input at fault, if an input is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<&'a str>,
    /// Every input that is malformed.
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [Fault],
    /// The reason why Sigan refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<Refusal>,
    /// The number of seconds after which a repeat makes sense, as in `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    retry_after_seconds: Option<u64>,
}

/// A problem in a part of an answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reason {
    /// The type of the problem that a request about this part alone answers.
    r#type: String,
    /// The fault and what to do about it, for people.
    pub(crate) detail: String,
    /// The number of seconds after which a repeat makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    retry_after_seconds: Option<u64>,
}

impl Problem {
    /// A problem of a type.
    pub(crate) fn new(of: ProblemType, detail: impl Into<Box<str>>) -> Self {
        Self {
            status: of.status,
            code: of.code,
            detail: detail.into(),
            internal: None,
            field: of.field,
            faults: Box::default(),
            reason: None,
            retry_after: None,
            challenge: None,
        }
    }

    /// There is no route of this path.
    pub(crate) fn of_path() -> Self {
        Self::new(UNKNOWN_ROUTE, "there is nothing at this path")
    }

    /// There is a route of this path, but not with this method.
    pub(crate) fn of_method() -> Self {
        Self::new(METHOD_NOT_ALLOWED, "this path does not have this method; see the Allow header")
    }

    /// A fault of this program.
    pub(crate) fn internal(detail: &'static str) -> Self {
        Self { detail: detail.into(), ..Error::Internal.into() }
    }

    /// An error whose cause is a parameter of the path.
    pub(crate) fn in_path(error: &Error, parameter: &'static str) -> Self {
        let of = ProblemType::from(error.error_type()).in_path();
        Self { field: Some(parameter), ..Self::new(of, error.to_string()) }
    }

    /// This problem, if the field of the body at fault has another name than in the other operations.
    pub(crate) fn in_field(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }

    /// Adds the time after which the request may be repeated.
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(whole_seconds(wait)), ..self }
    }

    /// Adds the challenge, which says how the caller gets in.
    pub(crate) fn challenge(self, challenge: Challenge) -> Self {
        Self { challenge: Some(challenge), ..self }
    }

    /// This problem as a part of an answer. The reason that the caller does not learn is logged here.
    pub(crate) fn log_and_shorten(self) -> Reason {
        if let Some(reason) = &self.internal {
            tracing::error!(%reason, "A part of a request failed.");
        }
        Reason { r#type: self.urn(), detail: self.detail.into(), retry_after_seconds: self.retry_after }
    }

    fn urn(&self) -> String {
        format!("{}{}", ErrorType::URN, self.code)
    }

    /// The code of its type.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// The names of the fields that are malformed.
    pub(crate) fn fields(&self) -> Vec<String> {
        self.faults.iter().map(|fault| fault.field.clone()).collect()
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The body, as the answer to the request with this id.
    pub(crate) fn json(&self, request: Option<Uuid>) -> Vec<u8> {
        let body = ProblemBody {
            r#type: self.urn(),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            // The id of the request, by which operators find this answer in the log.
            instance: request.map(|id| id.urn().to_string()),
            field: self.field.or(self.faults.first().map(|fault| fault.field.as_str())),
            errors: &self.faults,
            reason: self.reason,
            retry_after_seconds: self.retry_after,
        };
        // JSON can hold all texts and numbers.
        serde_json::to_vec(&body).unwrap_or_default()
    }

    /// The problem of a request with these faults.
    pub(crate) fn malformed(faults: Vec<Fault>) -> Self {
        let texts: Vec<String> =
            faults.iter().map(|Fault { field, expected }| format!("{field}: expected {expected}")).collect();
        Self { faults: faults.into(), ..Self::new(MALFORMED, texts.join("; ")) }
    }
}

/// A problem that was answered, for the log line of its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reported {
    pub(crate) code: &'static str,
    /// The reason in words. If the database failed, it names the database's server, which a caller does not learn.
    pub(crate) reason: String,
    /// Whether a person has to look, because the fault does not pass by itself.
    pub(crate) needs_a_person: bool,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (detail, internal) = match &error {
            Error::Store(fault) => (detail_of(fault), Some(error.to_string().into())),
            _ => (error.to_string(), None),
        };
        Self {
            internal,
            reason: if let Error::SiganRefused(refusal) = &error { Some(*refusal) } else { None },
            retry_after: error.retry_after().map(whole_seconds),
            ..Self::new(error.error_type().into(), detail)
        }
    }
}

/// The detail of a fault of the database. It has neither the server nor the reason, which are for operators.
fn detail_of(fault: &StoreError) -> String {
    if fault.is_transient() {
        return "the database is not available; nothing was lost, try again".to_owned();
    }
    "the database failed; the operators find the reason in the log, under the id of this request".to_owned()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.json(request_span::current_id())).into_response();
        let reason = self.internal.unwrap_or(self.detail).into_string();
        response.extensions_mut().insert(Reported {
            code: self.code,
            reason,
            needs_a_person: self.status == StatusCode::INTERNAL_SERVER_ERROR && self.retry_after.is_none(),
        });
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, challenge.value());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use oss_core::access::ClientLimit;
    use oss_core::sigan::Doubt;
    use oss_core::{Ddd, MaskedMsisdn, Msisdn, NumberStatus, PreviewId, ProfileState, SimStatus, SimType};

    use super::*;
    use oss_core::store::OtherNumber;

    fn number() -> MaskedMsisdn {
        "11999950001".parse::<Msisdn>().unwrap().masked()
    }

    #[test]
    fn every_error_has_the_status_of_the_design() {
        let (ddd, preview): (Ddd, _) = ("11".parse().unwrap(), PreviewId::new());
        let reason = || "x".to_owned();
        let cases = [
            (Error::UnknownDdd(ddd), 422),
            (Error::UnknownPrevious(preview), 422),
            (Error::UnknownPreview(preview), 404),
            (Error::UnknownChoice(preview), 404),
            (Error::UnknownNumber(number()), 404),
            (Error::UnknownBrand(preview.as_uuid().into()), 404),
            (Error::UnknownBrandName, 404),
            (Error::PreviewExpired(preview), 410),
            (Error::ReserveInFlight, 409),
            (Error::OrderInFlight(number()), 409),
            (Error::SettlementInFlight { number: number(), retry_after: Duration::from_secs(3) }, 409),
            (Error::KeyInFlight, 409),
            (Error::KeySpent, 409),
            (Error::KeyReused, 422),
            (Error::PreviewUsed(preview), 409),
            (Error::NumberState { number: number(), status: NumberStatus::InUse }, 409),
            (Error::NumberInDoubt(number()), 409),
            (Error::HoldWithoutEnd(number()), 409),
            (Error::AssignedElsewhere(number()), 409),
            (Error::SimHasNumber { sim: preview.as_uuid().into(), other: OtherNumber::Hidden }, 409),
            (Error::SimNotActive { sim: preview.as_uuid().into(), status: SimStatus::Deprogrammed }, 409),
            (Error::NoNumbersLeft(ddd), 409),
            (Error::GivenUp, 409),
            (Error::UnknownNumberInBody(number()), 422),
            (Error::UnknownDevice("bcd1624a168e2722691c565e0c6dc479".parse().unwrap()), 422),
            (Error::UnknownLine(preview.as_uuid().into()), 422),
            (Error::UnknownAddress("014338fee969ef8655b64f83fcee7a89".parse().unwrap()), 422),
            (Error::UnknownCarrier("acme".parse().unwrap()), 500),
            (Error::UnknownCard, 422),
            (Error::UnknownSimInPath(preview.as_uuid().into()), 404),
            (Error::OrderInFlight(number()), 409),
            (Error::SimKeySpent, 409),
            (Error::NotOnLine { number: number(), status: NumberStatus::Reserved }, 409),
            (Error::NoProfilesLeft, 409),
            (Error::CardInUse, 409),
            (Error::NumberHasSim(number()), 409),
            (Error::OrderGivenUp, 409),
            (Error::NoActivationCode(preview.as_uuid().into()), 409),
            (Error::SimDeprogrammed(preview.as_uuid().into()), 409),
            (Error::CodeUsed { sim: preview.as_uuid().into(), state: ProfileState::Installed }, 409),
            (Error::CodeLimitReached(preview.as_uuid().into()), 409),
            (Error::GsimNonsense, 502),
            (Error::GsimUnreachable, 503),
            (Error::GsimBusy { sim_type: SimType::Esim, down_for: None }, 503),
            (Error::GsimRefusesBrand { brand: "acme".parse().unwrap() }, 503),
            (Error::SimOutcomeUnknown(Doubt::Timeout), 504),
            (Error::SimPending, 504),
            (Error::NumberTaken(number()), 500),
            (Error::NumberUnsettled(number()), 500),
            (Error::UnknownSim(preview.as_uuid().into()), 422),
            (Error::SiganRefused(Refusal::Taken), 502),
            (Error::SiganNonsense(Doubt::Unreadable), 502),
            (Error::SiganNoAnswer(Doubt::Timeout), 504),
            (Error::SiganUnreachable, 503),
            (Error::SiganBusy { retry_after: std::time::Duration::from_secs(1) }, 503),
            (Error::SiganRefusesBrand { brand: "acme".parse().unwrap() }, 503),
            (Error::ClientShareExceeded { limit: ClientLimit::SiganCalls }, 429),
            (Error::DrawBudgetExceeded { ddd, retry_after: std::time::Duration::from_millis(1) }, 429),
            (Error::OutcomeUnknown(Doubt::Timeout), 504),
            (Error::OutcomeUnnamed(Doubt::Timeout), 504),
            (Error::Internal, 500),
            (Error::Store(StoreError::Unavailable { reason: reason() }), 503),
            (Error::Store(StoreError::Failed { reason: reason() }), 500),
        ];
        for (error, expected) in cases {
            let named = format!("{error:?}");
            let retry_after = error.retry_after().is_some();
            let response = Problem::from(error).into_response();
            assert_eq!(response.status().as_u16(), expected, "{named}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), retry_after, "{named}");
        }
    }

    #[test]
    fn several_faults_are_reported_at_once() {
        let fault = |field: &str| Fault { field: field.to_owned(), expected: "x".to_owned() };
        let problem = Problem::malformed(vec![fault("areaCode"), fault("extra")]);
        assert_eq!(&*problem.detail, "areaCode: expected x; extra: expected x");
    }
}

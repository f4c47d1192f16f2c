//! The types of problems: those of the library's errors, and those that only HTTP has.

use axum::http::StatusCode;
use oss_core::{Error, ErrorKind, ErrorType};

/// A type of problem (RFC 9457): everything about it that does not depend on the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProblemType {
    /// A short and stable name, the end of `type`.
    pub(crate) code: &'static str,
    pub(crate) status: StatusCode,
    /// The input it is about, if that is always the same.
    pub(crate) field: Option<&'static str>,
    /// Whether the answer says when to try again.
    pub(crate) says_when: bool,
    /// The problem in a sentence.
    pub(crate) summary: &'static str,
}

impl ProblemType {
    const fn says_when(self) -> Self {
        Self { says_when: true, ..self }
    }

    /// The type with this code.
    pub(crate) fn of_code(code: &str) -> Option<Self> {
        let of_library = || Error::TYPES.iter().find(|error| error.code == code).map(Self::from);
        OF_HTTP.iter().find(|problem| problem.code == code).copied().or_else(of_library)
    }

    /// The type if the input at fault is in the path. Then the subject of the request does not exist.
    pub(crate) fn in_path(self) -> Self {
        match self.status {
            StatusCode::UNPROCESSABLE_ENTITY => Self { status: StatusCode::NOT_FOUND, ..self },
            _ => self,
        }
    }
}

const fn new(status: StatusCode, code: &'static str, summary: &'static str) -> ProblemType {
    ProblemType { code, status, field: None, says_when: false, summary }
}

impl From<&ErrorType> for ProblemType {
    fn from(error: &ErrorType) -> Self {
        Self {
            code: error.code,
            status: status(error.kind),
            field: error.field,
            says_when: error.retry.is_some(),
            summary: error.summary,
        }
    }
}

/// The status of each kind of error of the library.
fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Unknown => StatusCode::NOT_FOUND,
        ErrorKind::UnknownReference | ErrorKind::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Expired => StatusCode::GONE,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorKind::SiganRefused => StatusCode::BAD_GATEWAY,
        ErrorKind::SiganUnavailable | ErrorKind::DatabaseUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::OutcomeUnknown => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
    }
}

/// Declares the types that only HTTP has, and lists them.
macro_rules! of_http {
    ($($name:ident = $value:expr,)+) => {
        $(pub(crate) const $name: ProblemType = $value;)+

        /// The types that only HTTP has.
        pub(crate) const OF_HTTP: &[ProblemType] = &[$($name),+];
    };
}

of_http! {
    MALFORMED = new(StatusCode::BAD_REQUEST, "malformed", "A parameter or a field is not what was expected; `errors` has every fault"),
    MALFORMED_BODY = new(StatusCode::BAD_REQUEST, "malformed-body", "The body is no JSON object"),
    MALFORMED_HEAD = new(StatusCode::BAD_REQUEST, "malformed-head", "The head of the request is not HTTP; the connection is closed"),
    UNAUTHENTICATED = new(StatusCode::UNAUTHORIZED, "unauthenticated", "The key is missing, or no client has it"),
    FORBIDDEN = new(StatusCode::FORBIDDEN, "forbidden", "The client's key does not have the scope of the operation"),
    FOREIGN_BRAND = new(StatusCode::FORBIDDEN, "foreign-brand", "The client may not act for the brand in `Oss-Brand`"),
    UNKNOWN_ROUTE = new(StatusCode::NOT_FOUND, "unknown-route", "There is nothing at this path"),
    METHOD_NOT_ALLOWED = new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "The path does not have this method; `Allow` names those that it has"),
    BODY_TOO_SLOW = new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", "The body did not arrive in time"),
    BODY_TOO_LARGE = new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is longer than 16 KiB, or than 64 KiB in an operation on many numbers"),
    UNSUPPORTED_MEDIA_TYPE = new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        "The body was not sent as `application/json`, or it was sent encoded",
    ),
    TOO_MANY_REQUESTS = new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "The client sends more requests per second than it may").says_when(),
    HEAD_TOO_LARGE = new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "head-too-large",
        "The head of the request is longer than 16 KiB; the connection is closed",
    ),
    OVERLOADED = new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "This server already serves as many requests as it can").says_when(),
    AUDIT_IN_FLIGHT = new(StatusCode::CONFLICT, "audit-in-flight", "An audit runs on this server already; there is one at a time"),
    UNKNOWN_WEBHOOK = ProblemType {
        field: Some("name"),
        ..new(StatusCode::NOT_FOUND, "unknown-webhook", "No server has ever delivered to a webhook of this name")
    },
    NOT_READY = new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", "The server is stopping, or the database does not answer"),
    TOO_SLOW = new(
        StatusCode::GATEWAY_TIMEOUT,
        "too-slow",
        "The request took too long and may have had an effect; repeat it or read the current state",
    ),
    // The proxy answers with this status or one of two others.
    PROXY = new(
        StatusCode::BAD_GATEWAY,
        "proxy",
        "HAProxy answered instead of a server, as `examples/operations/haproxy.cfg` configures it; at 503 nothing was done, at 502 \
         and 504 the request may have had an effect",
    )
    .says_when(),
}

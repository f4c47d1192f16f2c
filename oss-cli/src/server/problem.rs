//! The errors of a server (`application/problem+json`), as the same failures that a database gives.

use oss_core::{Error, ErrorType};
use reqwest::StatusCode;
use serde::Deserialize;

use super::exchange::unusable;
use crate::exit::{self, Failure, Fault};

/// A problem, as far as a command needs it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Problem {
    r#type: String,
    detail: String,
    instance: Option<String>,
    field: Option<String>,
    #[serde(default)]
    errors: Vec<FieldFault>,
    retry_after_seconds: Option<u64>,
}

#[derive(Deserialize)]
struct FieldFault {
    field: String,
    expected: String,
}

/// The failure that an answer with an error status stands for.
pub(super) fn failure(status: StatusCode, body: &[u8]) -> Failure {
    let Ok(problem) = serde_json::from_slice::<Problem>(body) else { return without_problem(status) };
    let Some(code) = problem.r#type.strip_prefix(ErrorType::URN) else { return without_problem(status) };
    match Error::TYPES.iter().find(|of| of.code == code) {
        Some(of) => of_library(of, problem),
        None => of_http(status, code.to_owned(), problem),
    }
}

/// A problem in a part of an answer: of one of many numbers, or at the end of lines.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reason {
    r#type: String,
    detail: String,
    retry_after_seconds: Option<u64>,
}

/// The failure that a part of an answer stands for.
pub(super) fn of_part(Reason { r#type, detail, retry_after_seconds }: Reason) -> Failure {
    let code = r#type.strip_prefix(ErrorType::URN).unwrap_or("internal");
    match Error::TYPES.iter().find(|of| of.code == code) {
        Some(of) => Failure::of_type(of, detail, retry_after_seconds),
        None if code == "not-ready" => Failure::new(exit::DATABASE, code.to_owned(), detail),
        None => Failure::new(exit::INTERNAL, code.to_owned(), detail),
    }
}

/// The failure of an operation: the same as if the program had done it on the database.
fn of_library(of: &'static ErrorType, problem: Problem) -> Failure {
    // The reasons of these are in the server's log, under the request's id.
    let is_in_log = matches!(of.code, "internal" | "database-failed");
    let request = problem.instance.filter(|_| is_in_log).map(|id| format!("; request {id}"));
    let message = problem.detail + &request.unwrap_or_default();
    Failure::of_type(of, message, problem.retry_after_seconds)
}

/// The failure of a request that no operation handled.
fn of_http(status: StatusCode, code: String, problem: Problem) -> Failure {
    let message = match status {
        StatusCode::UNAUTHORIZED => {
            format!("the server refuses the key ({}); check OSS_KEY or the profile", problem.detail)
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            format!(
                "the server does not know this operation ({}); check its address and its version",
                problem.detail
            )
        }
        _ => problem.detail,
    };
    let fault = |FieldFault { field, expected }| Fault {
        field: Some(field),
        ..Fault::new(format!("expected {expected}"))
    };
    Failure {
        field: problem.field.map(Into::into),
        retry_after_seconds: problem.retry_after_seconds,
        errors: problem.errors.into_iter().map(fault).collect(),
        ..Failure::new(exit_code(status), code, message)
    }
}

/// The failure of an answer that is no problem: something else answered, such as a proxy.
fn without_problem(status: StatusCode) -> Failure {
    match exit_code(status) {
        exit::USAGE => unusable(),
        code => {
            let message = format!(
                "something in front of the server answered with status {}; try again later, and look at the number first",
                status.as_u16()
            );
            Failure::new(code, "server-unavailable", message)
        }
    }
}

fn exit_code(status: StatusCode) -> u8 {
    match status {
        StatusCode::TOO_MANY_REQUESTS => exit::CONFLICT,
        StatusCode::SERVICE_UNAVAILABLE => exit::DATABASE,
        // Something may have been done.
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => exit::SIGAN,
        status if status.is_server_error() => exit::INTERNAL,
        _ => exit::USAGE,
    }
}

#[cfg(test)]
mod tests {
    use oss_core::store::StoreError;
    use oss_core::{Ddd, Msisdn};
    use serde_json::json;

    use super::*;

    fn problem(status: u16, code: &str, detail: &str) -> Failure {
        let body =
            json!({ "type": format!("urn:oss:problem:{code}"), "detail": detail, "instance": "urn:uuid:1" });
        failure(StatusCode::from_u16(status).unwrap(), body.to_string().as_bytes())
    }

    #[test]
    fn an_error_of_an_operation_is_the_same_as_on_a_database() {
        let (ddd, number): (Ddd, Msisdn) = ("23".parse().unwrap(), "11999950001".parse().unwrap());
        for error in [
            Error::UnknownDdd(ddd),
            Error::UnknownNumber(number.masked()),
            Error::NoNumbersLeft(ddd),
            Error::SiganUnreachable,
        ] {
            let (code, text) = (error.code(), error.to_string());
            let here = Failure::from(error);
            // The status does not matter.
            let there = problem(400, code, &text);
            assert_eq!((there.exit, &there.code, &there.field), (here.exit, &here.code, &here.field));
            assert_eq!(there.message, here.message);
        }
        for of in Error::TYPES {
            assert_eq!(problem(500, of.code, "").code, of.code);
        }
    }

    #[test]
    fn a_reason_in_the_log_is_named() {
        let failed = problem(500, "database-failed", "the database failed");
        assert_eq!((failed.exit, failed.message.as_str()), (1, "the database failed; request urn:uuid:1"));
        let here = Failure::from(Error::Store(StoreError::Failed { reason: "x".to_owned() }));
        assert_eq!(failed.exit, here.exit);
    }

    #[test]
    fn a_request_that_no_operation_handled_has_the_code_of_its_status() {
        for (status, code, exit) in [
            (400, "malformed", 2),
            (401, "unauthenticated", 2),
            (403, "forbidden", 2),
            (404, "unknown-route", 2),
            (429, "too-many-requests", 4),
            (500, "new-one", 1),
            (502, "proxy", 5),
            (503, "overloaded", 6),
            (504, "too-slow", 5),
        ] {
            let failure = problem(status, code, "why");
            assert_eq!((failure.exit, &*failure.code), (exit, code), "{status}");
            assert!(failure.message.contains("why"), "{failure:?}");
        }
    }

    #[test]
    fn an_answer_of_something_else_is_told_apart() {
        for (status, body, exit, code) in [
            (404, "<html>", 2, "usage"),
            (302, "", 2, "usage"),
            (400, r#"{"type":"about:blank","detail":"x"}"#, 2, "usage"),
            (502, "<html>", 5, "server-unavailable"),
            (503, "", 6, "server-unavailable"),
        ] {
            let failure = failure(StatusCode::from_u16(status).unwrap(), body.as_bytes());
            assert_eq!((failure.exit, &*failure.code), (exit, code), "{status}");
        }
    }
}

//! `/audits`

use std::time::Duration;

use axum::body::Body as ResponseBody;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use oss_core::{AuditOptions, Found, Malformed};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::lists::NDJSON;
use crate::access::Acting;
use crate::audit_stream::{AuditEnd, AuditStream, AuditWriter, EXPECTED_AGE};
use crate::body::{Body, RequestBody, switch};
use crate::problem::{NOT_READY, Problem};
use crate::state::Shared;

/// The options of an audit.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({ "fix": false })))]
pub(super) struct NewAudit {
    /// Whether to settle the differences that are safe to settle.
    #[serde(default, deserialize_with = "switch")]
    fix: bool,
    /// Whether more than 20 holds may be released.
    #[serde(default, deserialize_with = "switch")]
    force: bool,
    /// Numbers and holds that changed within so many seconds are skipped; 120 if it is left out.
    #[serde(default, deserialize_with = "seconds")]
    #[schema(value_type = Option<u32>, maximum = 86400)]
    min_age_seconds: Option<Duration>,
}

/// Reads a whole number of seconds, of at most a day. JSON has one kind of numbers, so `120.0` is whole too.
fn seconds<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Duration>, D::Error> {
    const DAY: f64 = 24.0 * 60.0 * 60.0;
    let seconds = match Value::deserialize(field)? {
        Value::Null => return Ok(None),
        value => value.as_f64(),
    };
    let whole = seconds.filter(|seconds| seconds.fract() == 0.0 && (0.0..=DAY).contains(seconds));
    let expected = Malformed { expected: EXPECTED_AGE };
    whole.map(|seconds| Some(Duration::from_secs_f64(seconds))).ok_or_else(|| D::Error::custom(expected))
}

impl RequestBody for NewAudit {
    const IS_OPTIONAL: bool = true;
}

/// Audit
///
/// Compares our holds with Sigan's and our SIMs with GSIM's, for the caller's brand, and answers with lines of JSON while it
/// works: `brand` when a brand begins, `difference` as soon as one is found, `progress` after each page, and at the end `report` with
/// the counts, or `problem` if the audit could not be finished. Numbers that changed within `minAgeSeconds` are skipped. A server runs
/// one audit at a time. An audit ends if its caller leaves or the server stops; differences that were settled stay settled. An answer
/// without `report` is incomplete. Read a report before you ask for `fix`.
#[utoipa::path(
    post,
    path = "/audits",
    operation_id = "audit",
    tag = "Operations",
    request_body = NewAudit,
    responses(
        (status = 200, description = "A line for each event, and the report", content_type = "application/x-ndjson", body = String),
    ),
    extensions(("x-problems" = json!(["audit-in-flight"])), ("x-optional-body" = json!(true))),
)]
pub(super) async fn audit(
    State(state): State<Shared>,
    Acting(oss): Acting,
    Body(NewAudit { fix, force, min_age_seconds }): Body<NewAudit>,
) -> Result<Response, Problem> {
    let mut options = AuditOptions::default().fix(fix).force(force);
    if let Some(age) = min_age_seconds {
        options = options.min_age(age);
    }
    let lines = AuditStream::begin(&state, oss, options, Lines)?;
    Ok(([(header::CONTENT_TYPE, NDJSON)], ResponseBody::from_stream(lines)).into_response())
}

/// Writes an audit as lines of JSON.
struct Lines;

impl AuditWriter for Lines {
    fn found(&self, event: &Found) -> String {
        format!("{}\n", line(event))
    }

    fn end(&self, end: AuditEnd) -> String {
        format!("{}\n", last_line(end))
    }
}

fn line(event: &Found) -> Value {
    match event {
        Found::Brand(brand) => json!({ "brand": brand }),
        Found::Difference(difference) => json!({ "difference": difference }),
        Found::Progress(report) => json!({ "progress": report }),
    }
}

fn last_line(end: AuditEnd) -> Value {
    let problem = match end {
        Some(Ok(report)) => return json!({ "report": report, "clean": report.is_clean() }),
        Some(Err(error)) => Problem::from(error),
        None => Problem::new(
            NOT_READY,
            "the server is stopping, so this audit is incomplete; what it settled stays settled, so run it again",
        ),
    };
    json!({ "problem": problem.log_and_shorten() })
}

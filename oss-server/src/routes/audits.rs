//! `/audits`

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body as ResponseBody, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::Stream;
use futures::future::BoxFuture;
use oss_core::{AuditOptions, AuditReport, Error, Found, Malformed, Oss};
use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;

use super::lists::NDJSON;
use crate::access::Acting;
use crate::body::{Body, RequestBody, switch};
use crate::problem::{AUDIT_IN_FLIGHT, Problem, URN};
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
    let expected = Malformed { expected: "a number of seconds from 0 to 86400" };
    whole.map(|seconds| Some(Duration::from_secs_f64(seconds))).ok_or_else(|| D::Error::custom(expected))
}

impl RequestBody for NewAudit {}

/// Audit
///
/// Compares our holds with Sigan's and our SIMs with GSIM's, for the caller's brand, and answers with lines of JSON while it
/// works: `brand` when a brand begins, `difference` as soon as one is found, `progress` after each page, and at the end `report` with
/// the counts, or `problem` if the audit could not be finished. Numbers that changed within `minAgeSeconds` are skipped. A server runs
/// one audit at a time. An audit ends if its caller leaves; differences that were settled stay settled. Read a report before you
/// ask for `fix`.
#[utoipa::path(
    post,
    path = "/audits",
    operation_id = "audit",
    tag = "Operations",
    request_body = NewAudit,
    responses(
        (status = 200, description = "A line for each event, and the report", content_type = "application/x-ndjson", body = String),
    ),
    extensions(("x-problems" = json!(["audit-in-flight"]))),
)]
pub(super) async fn audit(
    State(state): State<Shared>,
    Acting(oss): Acting,
    Body(NewAudit { fix, force, min_age_seconds }): Body<NewAudit>,
) -> Result<Response, Problem> {
    let Ok(permit) = state.audit.clone().try_acquire_owned() else {
        return Err(Problem::new(AUDIT_IN_FLIGHT, "an audit runs on this server already; wait for its end"));
    };
    let mut options = AuditOptions::default().fix(fix).force(force);
    if let Some(age) = min_age_seconds {
        options = options.min_age(age);
    }
    let lines = Lines::of(oss, options, permit);
    Ok(([(header::CONTENT_TYPE, NDJSON)], ResponseBody::from_stream(lines)).into_response())
}

/// Lines that were found and not sent yet.
type Unsent = Arc<Mutex<VecDeque<Value>>>;

/// The lines of an audit. The audit goes on only as fast as its caller reads them, so that they do not pile up.
struct Lines {
    found: Unsent,
    /// None after the end.
    audit: Option<BoxFuture<'static, Result<AuditReport, Error>>>,
    _permit: OwnedSemaphorePermit,
}

impl Lines {
    fn of(oss: Oss, options: AuditOptions, permit: OwnedSemaphorePermit) -> Self {
        let found = Unsent::default();
        let sink = found.clone();
        let audit = async move { oss.audit(options, |event| sink.lock().push_back(line(&event))).await };
        Self { found, audit: Some(Box::pin(audit)), _permit: permit }
    }

    fn pop(&self) -> Option<Bytes> {
        self.found.lock().pop_front().map(|line| format!("{line}\n").into())
    }
}

impl Stream for Lines {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(line) = this.pop() {
            return Poll::Ready(Some(Ok(line)));
        }
        let Some(audit) = &mut this.audit else { return Poll::Ready(None) };
        if let Poll::Ready(outcome) = audit.as_mut().poll(cx) {
            this.audit = None;
            this.found.lock().push_back(last_line(outcome));
        }
        this.pop().map_or(Poll::Pending, |line| Poll::Ready(Some(Ok(line))))
    }
}

fn line(event: &Found) -> Value {
    match event {
        Found::Brand(brand) => json!({ "brand": brand }),
        Found::Difference(difference) => json!({ "difference": difference }),
        Found::Progress(report) => json!({ "progress": report }),
    }
}

fn last_line(outcome: Result<AuditReport, Error>) -> Value {
    match outcome {
        Ok(report) => json!({ "report": report, "clean": report.is_clean() }),
        Err(error) => {
            let kind = format!("{URN}{}", error.code());
            json!({ "problem": { "type": kind, "detail": Problem::from(error).log_and_detail() } })
        }
    }
}

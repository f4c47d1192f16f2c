//! The attempts in doubt: since when, and when each is tried again.

use askama::Template;
use axum::response::Response;
use oss_core::access::Scope;
use oss_core::{AttemptKind, AttemptState, Cursor, MaskedMsisdn, Msisdn, UnsettledAttempt};

use crate::console::forms::Form;
use crate::console::frame::{Frame, page};
use crate::console::texts::Texts;
use crate::console::times::Moment;
use crate::console::visitor::{Sent, TurnedAway, Visitor};
use crate::problem::Problem;

/// The attempts of one page.
const PAGE: u32 = 100;

#[derive(Template)]
#[template(path = "console/in_doubt.html")]
struct InDoubt {
    frame: Frame,
    rows: Vec<Row>,
    next: Option<String>,
    /// Whether it is the first page, which can be loaded again by its address.
    is_first: bool,
}

struct Row {
    msisdn: Msisdn,
    masked: MaskedMsisdn,
    kind: &'static str,
    state: AttemptState,
    since: Moment,
    next_try: Option<Moment>,
    tries: u32,
    reason: String,
}

impl Row {
    fn of(attempt: UnsettledAttempt, t: &Texts) -> Self {
        Self {
            msisdn: attempt.msisdn,
            masked: attempt.msisdn.masked(),
            kind: match attempt.kind {
                AttemptKind::Number => t.number,
                AttemptKind::Sim => t.sim,
            },
            state: attempt.state,
            since: attempt.since.into(),
            next_try: attempt.next_attempt_at.map(Moment),
            tries: attempt.attempts,
            reason: attempt.reason.unwrap_or_default(),
        }
    }
}

pub(in crate::console) async fn show(visitor: Visitor) -> Result<Response, TurnedAway> {
    list(visitor, &Form::default()).await
}

/// Shows a later page. Its place comes in a form, as that of a list of numbers does.
pub(in crate::console) async fn next(Sent { visitor, form }: Sent) -> Result<Response, TurnedAway> {
    list(visitor, &form).await
}

async fn list(visitor: Visitor, form: &Form) -> Result<Response, TurnedAway> {
    visitor.require(Scope::NumbersRead)?;
    let after: Option<Cursor> = form.optional("after")?;
    let Visitor { oss, frame, .. } = visitor;
    let found = oss.in_doubt(after.as_ref(), PAGE).await.map_err(Problem::from)?;
    let t = frame.t;
    let rows = found.attempts.into_iter().map(|attempt| Row::of(attempt, t)).collect();
    let next = found.next.map(|next| next.to_string());
    Ok(page(&InDoubt { frame, rows, next, is_first: after.is_none() }))
}

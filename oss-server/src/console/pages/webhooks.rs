//! The webhooks: how far each is, and replays.

use std::time::Duration;

use askama::Template;
use axum::extract::RawQuery;
use axum::response::{IntoResponse, Redirect, Response};
use oss_core::{ClientName, Timestamp, WebhookStatus};

use crate::console::forms::Form;
use crate::console::frame::{Frame, page};
use crate::console::times::{Moment, Span};
use crate::console::visitor::{Sent, TurnedAway, Visitor};
use crate::problem::{Fault, Problem};

#[derive(Template)]
#[template(path = "console/webhooks.html")]
struct WebhooksPage {
    frame: Frame,
    done: Option<&'static str>,
    webhooks: Vec<Row>,
}

struct Row {
    name: String,
    lag: Span,
    failures: i32,
    next_try: Option<Moment>,
    last_error: String,
    delivered_at: Option<Moment>,
}

impl From<WebhookStatus> for Row {
    fn from(webhook: WebhookStatus) -> Self {
        Self {
            name: webhook.name,
            lag: Span(Duration::from_secs(webhook.lag_seconds)),
            failures: webhook.attempts,
            next_try: webhook.next_attempt_at.map(Moment),
            last_error: webhook.last_error.unwrap_or_default(),
            delivered_at: webhook.delivered_at.map(Moment),
        }
    }
}

pub(in crate::console) async fn show(
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, TurnedAway> {
    let Visitor { oss, frame, .. } = visitor;
    let done = Form::of_query(query.as_deref()).is_marked("replayed").then_some(frame.t.done_replayed);
    let webhooks = oss.webhooks().await.map_err(Problem::from)?.into_iter().map(Row::from).collect();
    Ok(page(&WebhooksPage { frame, done, webhooks }))
}

/// Puts a webhook back to a time.
pub(in crate::console) async fn replay(Sent { visitor, form }: Sent) -> Result<Response, TurnedAway> {
    let expected = |field: &str, expected: &str| Problem::malformed(vec![Fault::expecting(field, expected)]);
    let known = || expected("webhook", "the name of a webhook");
    let since: Option<Timestamp> = form.optional("since")?;
    let Timestamp(since) = since.ok_or_else(|| expected("since", "a time, such as 2026-11-27T20:00:00Z"))?;
    let name: ClientName = form.text("webhook").parse().map_err(|_| known())?;
    if !visitor.oss.replay_webhook(&name, since).await.map_err(Problem::from)? {
        return Err(known().into());
    }
    Ok(Redirect::to("/console/webhooks?replayed=yes").into_response())
}

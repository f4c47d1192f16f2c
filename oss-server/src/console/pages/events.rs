//! The events of the last minutes, hours or day.

use std::collections::VecDeque;

use askama::Template;
use axum::extract::RawQuery;
use axum::response::Response;
use chrono::TimeDelta;
use oss_core::access::Scope;
use oss_core::{Error, Event, EventCursor, Msisdn, Oss};

use super::or_dash;
use crate::console::forms::Form;
use crate::console::frame::{Frame, page};
use crate::console::texts::Texts;
use crate::console::times::{Moment, now};
use crate::console::visitor::{TurnedAway, Visitor};
use crate::problem::Problem;

/// The events that are shown.
const SHOWN: usize = 200;

/// The events that are read at once, and the most such reads for one page.
const READ: u32 = 1000;
const READS: u32 = 10;

#[derive(Template)]
#[template(path = "console/events.html")]
struct EventsPage {
    frame: Frame,
    events: Vec<Row>,
    next: String,
    choices: [Choice; 3],
    minutes: i64,
}

struct Choice {
    minutes: i64,
    text: &'static str,
}

struct Row {
    at: Moment,
    kind: String,
    masked: String,
    msisdn: Option<Msisdn>,
    sim: Option<String>,
    brand: String,
    client: String,
    changed_by: String,
    before: String,
    after: String,
}

impl From<Event> for Row {
    fn from(event: Event) -> Self {
        Self {
            at: event.recorded_at.into(),
            kind: event.kind.to_string(),
            masked: or_dash(event.masked),
            msisdn: event.msisdn,
            sim: event.sim.map(|sim| sim.to_string()),
            brand: event.brand.to_string(),
            client: or_dash(event.client),
            changed_by: or_dash(event.changed_by),
            before: or_dash(event.before),
            after: event.after,
        }
    }
}

fn choices(t: &'static Texts) -> [Choice; 3] {
    [(15, t.last_15_minutes), (60, t.last_hour), (24 * 60, t.last_24_hours)]
        .map(|(minutes, text)| Choice { minutes, text })
}

pub(in crate::console) async fn show(
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, TurnedAway> {
    visitor.require(Scope::EventsRead)?;
    let form = Form::of_query(query.as_deref());
    let Visitor { oss, frame, .. } = visitor;
    let choices = choices(frame.t);
    let chosen = choices.iter().find(|choice| choice.minutes.to_string() == form.text("last"));
    let minutes = chosen.map_or(60, |choice| choice.minutes);
    let after = match form.optional("after")? {
        Some(after) => after,
        None => oss.events_since(now() - TimeDelta::minutes(minutes)).await.map_err(Problem::from)?,
    };
    let (events, next) = latest(&oss, after).await.map_err(Problem::from)?;
    let events = events.into_iter().rev().map(Row::from).collect();
    Ok(page(&EventsPage { frame, events, next: next.to_string(), choices, minutes }))
}

/// The latest events after a place, and the place after them. If there are very many, the first ones of them: then the rest is one link
/// away.
async fn latest(oss: &Oss, after: EventCursor) -> Result<(VecDeque<Event>, EventCursor), Error> {
    let (mut latest, mut place) = (VecDeque::new(), after);
    for _ in 0..READS {
        let read = oss.events(place).limit(READ).await?;
        latest.extend(read.events);
        latest.drain(..latest.len().saturating_sub(SHOWN));
        if read.next == place {
            break;
        }
        place = read.next;
    }
    Ok((latest, place))
}

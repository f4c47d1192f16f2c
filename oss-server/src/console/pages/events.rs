//! The events of the last minutes, hours or day.

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
const SHOWN: u32 = 200;

/// The most reads for one page. A brand may have few events among those of others.
const READS: u32 = 10;

#[derive(Template)]
#[template(path = "console/events.html")]
struct EventsPage {
    frame: Frame,
    events: Vec<Row>,
    window: Window,
    /// The window before this page; none if nothing was before it.
    earlier: Option<Window>,
    /// The place after the latest event of the page.
    latest: EventCursor,
    choices: [Choice; 3],
    minutes: i64,
}

/// The part of the events that a page shows the latest of.
#[derive(Clone, Copy)]
struct Window {
    after: EventCursor,
    before: EventCursor,
}

impl Window {
    /// Whether it is the end of a window, and not the whole.
    fn is_part(&self) -> bool {
        self.before != EventCursor::END
    }
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
    let before = form.optional("before")?.unwrap_or(EventCursor::END);
    let window = Window { after, before };
    let (events, earlier) = latest(&oss, window).await.map_err(Problem::from)?;
    let latest = events.first().map_or(after, |event| event.cursor);
    let events = events.into_iter().map(Row::from).collect();
    Ok(page(&EventsPage { frame, events, window, earlier, latest, choices, minutes }))
}

/// The latest events of a window, the latest first, and the window before them unless all of it was read.
async fn latest(oss: &Oss, window: Window) -> Result<(Vec<Event>, Option<Window>), Error> {
    let (mut events, mut rest) = (Vec::new(), window);
    for _ in 0..READS {
        let wanted = SHOWN.saturating_sub(u32::try_from(events.len()).unwrap_or(SHOWN));
        if wanted == 0 {
            break;
        }
        let read = oss.events_before(rest.after, rest.before, wanted).await?;
        if read.next == rest.before {
            return Ok((events, None));
        }
        events.extend(read.events);
        rest.before = read.next;
    }
    Ok((events, Some(rest)))
}

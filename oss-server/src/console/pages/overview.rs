//! The first page: what is in which state, what waits, what answers, and what was drawn.

use std::time::Duration;

use askama::Template;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use oss_core::{
    Answering, AttemptState, Backlog, EventKind, LastAudit, ListOptions, Oss, PageLength, Statistics,
    Timestamp, Upstream,
};

use crate::console::charts::{self, Hours, Tile};
use crate::console::frame::{Frame, page};
use crate::console::texts::Texts;
use crate::console::times::{Moment, Span, now};
use crate::console::visitor::{TurnedAway, Visitor};
use crate::problem::Problem;

/// The states in the order of a number's life.
const STATES: [AttemptState; 7] = [
    AttemptState::Held,
    AttemptState::Assigned,
    AttemptState::InDoubt,
    AttemptState::Cancelling,
    AttemptState::Releasing,
    AttemptState::Released,
    AttemptState::Rejected,
];

#[derive(Template)]
#[template(path = "console/overview.html")]
struct Overview {
    frame: Frame,
    states: Vec<StateTile>,
    /// The numbers that expire within an hour, or how many there are at least.
    expiring: String,
    hour_from_now: Moment,
    backlogs: Vec<ShownBacklog>,
    upstreams: Vec<ShownUpstream>,
    audits: Vec<ShownAudit>,
    charts: [Hours; 3],
    tiles: Vec<Tile>,
}

struct StateTile {
    state: AttemptState,
    count: u64,
}

struct ShownBacklog {
    of: String,
    state: AttemptState,
    /// The count, or how many there are at least.
    due: String,
    oldest: Span,
}

struct ShownUpstream {
    name: &'static str,
    is_up: bool,
    word: &'static str,
    down_for: Option<Span>,
    in_flight: usize,
    limit: usize,
    refused: Vec<String>,
}

struct ShownAudit {
    brand: String,
    finished_at: Moment,
    differences: u64,
}

pub(in crate::console) async fn show(visitor: Visitor) -> Result<Response, TurnedAway> {
    let Visitor { oss, frame, .. } = visitor;
    let now = now();
    let hour_from_now = now + TimeDelta::hours(1);
    let statistics = oss.counted_statistics().await.map_err(Problem::from)?;
    let expiring = count_expiring(&oss, hour_from_now).await?;
    let t = frame.t;
    Ok(page(&Overview {
        states: states(&statistics, &oss),
        expiring,
        hour_from_now: hour_from_now.into(),
        backlogs: statistics.backlogs.iter().map(backlog).collect(),
        upstreams: oss.upstreams().iter().map(|upstream| shown_upstream(upstream, t)).collect(),
        audits: statistics.audits.iter().map(shown_audit).collect(),
        charts: charts_of(&statistics, &oss, now, t),
        tiles: charts::map(
            statistics.draws.iter().map(|count| (count.area_code, count.draws, count.none_left)),
        ),
        frame,
    }))
}

/// The count of each state. An operator of a brand sees that brand's, so that each count fits the list to which it leads.
fn states(statistics: &Statistics, oss: &Oss) -> Vec<StateTile> {
    let own = || statistics.attempts.iter().filter(|count| oss.sees(&count.brand_id));
    let count = |state| own().filter(|count| count.state == state).map(|count| count.attempts).sum();
    STATES.map(|state| StateTile { state, count: count(state) }).into()
}

/// The numbers whose hold ends before a time. Only one page is counted, because a page of bounded cost has to do.
async fn count_expiring(oss: &Oss, before: DateTime<Utc>) -> Result<String, Problem> {
    let mut options = ListOptions::default();
    options.expires_before = Some(Timestamp(before));
    options.limit = Some(PageLength::MAX);
    // An index serves this filter alone.
    let list = options.list().map_err(|_| Problem::internal("the list is refused"))?;
    let page = oss.list_numbers(&list).await?;
    let more = if page.next.is_some() { "+" } else { "" };
    Ok(format!("{}{more}", page.numbers.len()))
}

fn backlog(backlog: &Backlog) -> ShownBacklog {
    let oldest = Span(Duration::from_secs(backlog.oldest_seconds));
    let more = if backlog.at_least { "+" } else { "" };
    ShownBacklog {
        of: backlog.of.clone(),
        state: backlog.state,
        due: format!("{}{more}", backlog.due),
        oldest,
    }
}

fn shown_upstream(upstream: &Upstream, t: &Texts) -> ShownUpstream {
    ShownUpstream {
        name: upstream.name,
        is_up: upstream.answer == Answering::Yes,
        word: match upstream.answer {
            Answering::Yes => t.answers,
            Answering::No => t.down,
            Answering::Probing => t.probing,
        },
        down_for: upstream.down_for.map(Span),
        in_flight: upstream.in_flight,
        limit: upstream.limit,
        refused: upstream.refused_brands.iter().map(ToString::to_string).collect(),
    }
}

fn shown_audit(audit: &LastAudit) -> ShownAudit {
    let finished_at = audit.finished_at.into();
    ShownAudit { brand: audit.brand_id.to_string(), finished_at, differences: audit.differences }
}

/// The reserves and releases of an operator's brand. Draws are not kept by brand.
fn charts_of(statistics: &Statistics, oss: &Oss, now: DateTime<Utc>, t: &'static Texts) -> [Hours; 3] {
    let changes = |kind: EventKind| {
        let of_kind =
            statistics.changes.iter().filter(move |count| count.kind == kind && oss.sees(&count.brand_id));
        of_kind.map(|count| (count.hour, count.changes))
    };
    let released = changes(EventKind::NumberReleased).chain(changes(EventKind::NumberExpired));
    let none_left = statistics.draws.iter().map(|count| (count.hour, count.none_left));
    [
        Hours::of(t.reserves, now, changes(EventKind::NumberReserved)),
        Hours::of(t.releases, now, released),
        Hours::of(t.none_left_of_all, now, none_left),
    ]
}

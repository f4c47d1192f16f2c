//! `/events`

use std::str::FromStr;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use oss_core::events::LARGEST_PAGE;
use oss_core::{EventCursor, EventPage, Malformed, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::access::Acting;
use crate::body::optional_text;
use crate::problem::{Fault, Problem};
use crate::query::Query;
use crate::state::Shared;

/// The longest that a request waits for an event. Proxies and clients mostly give a request a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The parameters of a page.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default, deserialize_with = "optional_text")]
    after: Option<EventCursor>,
    #[serde(default, deserialize_with = "optional_text")]
    since: Option<Timestamp>,
    #[serde(default, deserialize_with = "optional_text")]
    limit: Option<Limit>,
    #[serde(default, deserialize_with = "optional_text")]
    wait: Option<Wait>,
}

/// The most events of a page.
#[derive(ToSchema)]
#[schema(value_type = u32)]
struct Limit(u32);

impl FromStr for Limit {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let limit = text.parse().ok().filter(|limit| (1..=LARGEST_PAGE).contains(limit));
        limit.map(Self).ok_or(Malformed { expected: "a number from 1 to 1000" })
    }
}

/// The time to wait for an event.
#[derive(ToSchema)]
#[schema(value_type = String)]
struct Wait(Duration);

impl FromStr for Wait {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let seconds = text.strip_suffix('s').and_then(|digits| digits.parse().ok()).map(Duration::from_secs);
        let wait = seconds.filter(|wait| *wait <= LONGEST_WAIT);
        wait.map(Self).ok_or(Malformed { expected: "a time from 0s to 30s" })
    }
}

fn both() -> Fault {
    Fault { field: "since".to_owned(), expected: "after or since, not both".to_owned() }
}

/// Read events
///
/// Events report every change of the brand's numbers and SIMs, in the order in which the changes became visible. Begin without
/// `after`, or shortly before the time `since`, and read on after the `next` of the page before, which is there even if a page is empty. So each event is read exactly once.
/// A kind that is not known yet can be passed over.
#[utoipa::path(
    get,
    path = "/events",
    operation_id = "readEvents",
    tag = "Events",
    params(
        ("after" = Option<String>, Query),
        ("since" = Option<String>, Query),
        ("limit" = Option<u32>, Query),
        ("wait" = Option<String>, Query),
    ),
    responses(
        (status = 200, description = "The events after a place, and the place from which to read on", body = EventPage),
    ),
    extensions(("x-problems" = json!(["foreign-cursor"]))),
)]
pub(super) async fn read(
    Acting(oss): Acting,
    State(state): State<Shared>,
    Query(parameters): Query,
) -> Result<Json<EventPage>, Problem> {
    let Page { after, since, limit, wait } = parameters.read()?;
    let after = match (after, since) {
        (Some(_), Some(_)) => return Err(Problem::malformed(vec![both()])),
        (None, Some(Timestamp(since))) => oss.events_since(since).await?,
        (after, None) => after.unwrap_or_default(),
    };
    let limit = limit.map_or(100, |Limit(limit)| limit);
    let wait = wait.map_or(Duration::ZERO, |Wait(wait)| wait);
    let page = oss.events(after).limit(limit).wait(wait);
    // A server that stops answers at once, so that the reader goes to another one.
    let page = match state.health.until_stopping(page.into_future()).await {
        Some(page) => page?,
        None => oss.events(after).limit(limit).await?,
    };
    Ok(Json(page))
}

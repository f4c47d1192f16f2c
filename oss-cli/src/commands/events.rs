//! `oss events`

use std::time::Duration;

use oss_core::events::LARGEST_PAGE;
use oss_core::{Event, EventCursor, EventPage, Oss};
use tokio::signal::unix::{SignalKind, signal};

use super::show::time;
use crate::args::EventsArgs;
use crate::exit::Failure;
use crate::output::{Answer, Output, table};
use crate::status_line::while_waiting;

/// The longest that one look waits for an event.
const WAIT: Duration = Duration::from_secs(30);

/// The rest after a look that failed.
const REST: Duration = Duration::from_secs(1);

/// Writes one page of events.
pub(crate) async fn run(oss: &Oss, args: EventsArgs, output: Output) -> Result<(), Failure> {
    let after = start(oss, &args).await?.unwrap_or_default();
    output.write_answer(&oss.events(after).limit(args.limit).await?)
}

/// Writes events until interrupted. After a look that fails, the next one follows.
pub(crate) async fn follow(oss: &Oss, args: EventsArgs, output: Output) -> Result<(), Failure> {
    let mut interruptions = signal(SignalKind::interrupt())
        .map_err(|error| Failure::internal(format!("cannot listen for interruptions: {error}")))?;
    let mut after = match while_waiting(start(oss, &args)).await? {
        Some(after) => after,
        None => while_waiting(oss.latest_event()).await?,
    };
    loop {
        let page = oss.events(after).limit(LARGEST_PAGE).wait(WAIT);
        let page = tokio::select! {
            _ = interruptions.recv() => return Ok(()),
            page = page => page,
        };
        match page {
            Ok(page) => {
                page.events.iter().try_for_each(|event| output.write_line(event))?;
                after = page.next;
            }
            Err(error) => {
                output.write_failure(&error.into());
                tokio::select! {
                    _ = interruptions.recv() => return Ok(()),
                    () = tokio::time::sleep(REST) => {}
                }
            }
        }
    }
}

/// The place that the command line names, if it names one.
async fn start(oss: &Oss, args: &EventsArgs) -> Result<Option<EventCursor>, Failure> {
    Ok(match (args.after, args.since) {
        (None, Some(since)) => Some(oss.events_since(since.0).await?),
        (after, _) => after,
    })
}

impl Answer for EventPage {
    fn table(&self, oss: &str) -> String {
        let mut table = table(&["time", "event", "number", "brand", "state"]);
        for event in &self.events {
            let Event { recorded_at, kind, brand, .. } = event;
            table.add_row([
                time(*recorded_at),
                kind.to_string(),
                number(event),
                brand.to_string(),
                states(event),
            ]);
        }
        format!("{table}\nTo go on: {oss} events --after {}", self.next)
    }
}

impl Answer for Event {
    fn table(&self, _oss: &str) -> String {
        let Self { recorded_at, kind, brand, .. } = self;
        format!("{}  {kind:<17}  {}  {brand}  {}", time(*recorded_at), number(self), states(self))
    }
}

fn number(event: &Event) -> String {
    event.masked.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

fn states(event: &Event) -> String {
    event.before.iter().chain([&event.after]).cloned().collect::<Vec<_>>().join(" → ")
}

//! `oss events`

use std::time::Duration;

use oss_core::events::LARGEST_PAGE;
use oss_core::{Event, EventCursor, EventPage};

use super::show::time;
use super::watching::Pauses;
use crate::args::EventsArgs;
use crate::exit::Failure;
use crate::output::{Answer, Output, lines_of, table};
use crate::service::{EventStart, Service};
use crate::status_line::while_waiting;

/// The longest that one look waits for an event.
const WAIT: Duration = Duration::from_secs(30);

/// The rest after a look that failed.
const REST: Duration = Duration::from_secs(1);

/// Writes one page of events.
pub(crate) async fn run(service: &impl Service, args: EventsArgs, output: Output) -> Result<(), Failure> {
    let start = start(&args).unwrap_or(EventStart::After(EventCursor::default()));
    output.write_answer(&service.events(start, args.limit, Duration::ZERO).await?)
}

/// Writes events until interrupted. The first look must succeed. After a later one that fails, the next one follows.
pub(crate) async fn follow(service: &impl Service, args: EventsArgs, output: Output) -> Result<(), Failure> {
    let mut pauses = Pauses::new()?;
    let first = start(&args).unwrap_or(EventStart::Latest);
    let mut page = while_waiting(service.events(first, LARGEST_PAGE, Duration::ZERO)).await?;
    loop {
        page.events.iter().try_for_each(|event| output.write_line(event))?;
        let after = EventStart::After(page.next);
        page = loop {
            match pauses.unless_interrupted(service.events(after, LARGEST_PAGE, WAIT)).await {
                None => return Ok(()),
                Some(Ok(page)) => break page,
                Some(Err(failure)) => output.write_failure(&failure),
            };
            if !pauses.pause(REST).await {
                return Ok(());
            }
        };
    }
}

/// The place that the command line names, if it names one.
fn start(args: &EventsArgs) -> Option<EventStart> {
    args.after.map(EventStart::After).or(args.since.map(|since| EventStart::Since(since.0)))
}

impl Answer for EventPage {
    fn table(&self, oss: &str) -> String {
        let mut table = table(&["time", "event", "number", "brand\nby", "state"]);
        for event in &self.events {
            let Event { recorded_at, kind, brand, .. } = event;
            table.add_row([
                time(*recorded_at),
                kind.to_string(),
                number(event),
                // The client under the brand, so that the kind and the states fit in a narrow terminal.
                format!("{brand}\n{}", changed_by(event)),
                states(event),
            ]);
        }
        format!("{table}\nTo go on: {oss} events --after {}", self.next)
    }

    fn lines(&self) -> serde_json::Result<Vec<String>> {
        lines_of(&self.events)
    }
}

impl Answer for Event {
    fn table(&self, _oss: &str) -> String {
        let Self { recorded_at, kind, brand, .. } = self;
        let cells =
            [time(*recorded_at), format!("{kind:<17}"), number(self), brand.to_string(), states(self)];
        format!("{}  {}", cells.join("  "), changed_by(self))
    }
}

fn number(event: &Event) -> String {
    event.masked.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

/// The client whose call made the change.
pub(super) fn changed_by(event: &Event) -> String {
    event.changed_by.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
}

fn states(event: &Event) -> String {
    event.before.iter().chain([&event.after]).cloned().collect::<Vec<_>>().join(" → ")
}

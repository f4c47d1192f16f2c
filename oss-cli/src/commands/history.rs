//! `oss show --history`

use oss_core::{
    Association, AttemptRecord, Event, NumberHistory, SimCodeRead, StoryEntry, StoryKind, UpstreamCall,
};

use super::events::changed_by;
use super::show::{hold, line, time};
use crate::output::{Answer, lines_of, table};

impl Answer for NumberHistory {
    fn table(&self, _oss: &str) -> String {
        let now = self.current.as_ref().map_or("no attempt to reserve it has succeeded".to_owned(), line);
        let mut parts = vec![format!("{}: {now}", self.msisdn)];
        parts.extend(self.attempts.iter().map(attempt));
        if !self.associations.is_empty() {
            parts.push(self.associations.iter().map(association).collect::<Vec<_>>().join("\n"));
        }
        parts.push(timeline(&self.timeline));
        parts.join("\n\n")
    }

    fn lines(&self) -> serde_json::Result<Vec<String>> {
        lines_of(&self.timeline)
    }
}

fn attempt(attempt: &AttemptRecord) -> String {
    let client = attempt.client.as_ref().map(|client| format!("\n  {:<10}  {client}", "client"));
    let brand = format!("\n  {:<10}  {}", "brand", attempt.brand);
    [hold(&attempt.hold), brand, client.unwrap_or_default()].concat()
}

fn association(Association { sim_id, line_id, since, .. }: &Association) -> String {
    format!("on SIM {sim_id} and line {line_id} since {}", time(*since))
}

fn timeline(entries: &[StoryEntry]) -> String {
    let mut table = table(&["time", "what", "result", "client and request"]);
    for StoryEntry { at, kind, .. } in entries {
        let [what, result, cause] = match kind {
            StoryKind::Event(event) => event_cells(event),
            StoryKind::Call(call) => call_cells(call),
            StoryKind::CodeRead(SimCodeRead { client, .. }) => {
                ["activation code read".to_owned(), String::new(), client.clone()]
            }
            _ => Default::default(),
        };
        table.add_row([time(*at), what, result, cause]);
    }
    table.to_string()
}

fn event_cells(event: &Event) -> [String; 3] {
    [event.kind.to_string(), event.after.clone(), changed_by(event)]
}

fn call_cells(call: &UpstreamCall) -> [String; 3] {
    let UpstreamCall { system, duration_ms, outcome, .. } = call;
    let client = call.client.as_ref().map(ToString::to_string);
    let cause: Vec<String> = client.into_iter().chain(call.request_id.map(|id| id.to_string())).collect();
    [format!("{system} {}", call.call), format!("{outcome}, {duration_ms} ms"), cause.join("\n")]
}

//! `oss show`: how its answer looks.

use chrono::{DateTime, Utc};
use oss_core::{HoldRecord, Line, Number};

use crate::output::{Answer, table};

impl Answer for Number {
    fn table(&self, _oss: &str) -> String {
        let now = self.line.as_ref().map_or("never held here".to_owned(), line);
        let mut holds = table(&["state", "since", "begun", "held until", "preview", "Sigan's id", "reason"]);
        for hold in &self.history {
            holds.add_row(row(hold));
        }
        format!("{}: {now}\n{holds}", self.msisdn)
    }
}

fn line(line: &Line) -> String {
    let Line { status, origin, updated_at, .. } = line;
    let sim = line.assigned_sim_id.map(|sim| format!(" on SIM {sim}")).unwrap_or_default();
    let since = updated_at.map(|at| format!(" since {}", time(at))).unwrap_or_default();
    format!("{status}{sim}{since} (origin {origin})")
}

fn row(hold: &HoldRecord) -> [String; 7] {
    [
        hold.state.to_string(),
        time(hold.updated_at),
        time(hold.created_at),
        hold.hold_expires_at.map(time).unwrap_or_default(),
        hold.preview.map_or("none: random".to_owned(), |preview| preview.to_string()),
        hold.external_id.as_ref().map_or("cannot be read".to_owned(), ToString::to_string),
        hold.reason.clone().unwrap_or_default(),
    ]
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

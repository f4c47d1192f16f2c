//! `oss stats`

use std::time::Duration;

use oss_core::{AttemptCount, Backlog, ChangeCount, DrawCount, LastAudit, Statistics};

use super::show::time;
use crate::output::{Answer, table};

impl Answer for Statistics {
    fn table(&self, _oss: &str) -> String {
        let parts = [
            ("Attempts", attempts(&self.attempts)),
            ("Due for the sweep", backlogs(&self.backlogs)),
            ("Draws of the last day", draws(&self.draws)),
            ("Changes of the last day", changes(&self.changes)),
            ("Latest audits", audits(&self.audits)),
        ];
        let part =
            |(title, rows): (&str, Option<String>)| format!("{title}\n{}", rows.as_deref().unwrap_or("none"));
        parts.into_iter().map(part).collect::<Vec<_>>().join("\n\n")
    }
}

fn attempts(counts: &[AttemptCount]) -> Option<String> {
    let row = |count: &AttemptCount| {
        let AttemptCount { brand_id, area_code, state, attempts, .. } = count;
        vec![brand_id.to_string(), area_code.to_string(), state.to_string(), attempts.to_string()]
    };
    rows(&["brand", "DDD", "state", "count"], counts, row)
}

fn backlogs(backlogs: &[Backlog]) -> Option<String> {
    let row = |backlog: &Backlog| {
        let oldest = humantime::format_duration(Duration::from_secs(backlog.oldest_seconds));
        let due =
            if backlog.at_least { format!("at least {}", backlog.due) } else { backlog.due.to_string() };
        vec![backlog.of.clone(), backlog.state.to_string(), due, oldest.to_string()]
    };
    rows(&["rows", "state", "due", "oldest"], backlogs, row)
}

fn draws(draws: &[DrawCount]) -> Option<String> {
    let row = |count: &DrawCount| {
        let DrawCount { hour, area_code, draws, none_left, .. } = count;
        vec![time(*hour), area_code.to_string(), draws.to_string(), none_left.to_string()]
    };
    rows(&["hour", "DDD", "draws", "none left"], draws, row)
}

fn changes(changes: &[ChangeCount]) -> Option<String> {
    let row = |count: &ChangeCount| {
        let ChangeCount { hour, brand_id, kind, changes, .. } = count;
        vec![time(*hour), brand_id.to_string(), kind.to_string(), changes.to_string()]
    };
    rows(&["hour", "brand", "kind", "count"], changes, row)
}

fn audits(audits: &[LastAudit]) -> Option<String> {
    let row = |audit: &LastAudit| {
        vec![audit.brand_id.to_string(), time(audit.finished_at), audit.differences.to_string()]
    };
    rows(&["brand", "at", "differences"], audits, row)
}

/// A table with a row for each value, or none without values.
fn rows<T>(head: &[&str], values: &[T], row: impl Fn(&T) -> Vec<String>) -> Option<String> {
    let mut table = table(head);
    table.add_rows(values.iter().map(row));
    (!values.is_empty()).then(|| table.to_string())
}

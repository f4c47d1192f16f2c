//! `oss show`

use std::time::Duration;

use chrono::{DateTime, Utc};
use oss_core::{HoldRecord, Line, Msisdn, Number};

use super::watching::Pauses;
use crate::exit::Failure;
use crate::output::{Answer, Output};
use crate::service::Service;
use crate::status_line::while_waiting;

/// The pause between two looks at a number.
const PAUSE: Duration = Duration::from_secs(2);

/// Shows a number, and shows it again whenever it has changed, until interrupted. A failure after the first look is shown once.
pub(crate) async fn watch(service: &impl Service, msisdn: Msisdn, output: Output) -> Result<(), Failure> {
    let mut pauses = Pauses::new()?;
    let mut shown = while_waiting(service.number(msisdn)).await?;
    output.write_line(&shown)?;
    let mut has_failed = false;
    while pauses.pause(PAUSE).await {
        match while_waiting(service.number(msisdn)).await {
            Ok(number) => {
                has_failed = false;
                if number != shown {
                    output.write_part("")?;
                    output.write_line(&number)?;
                    shown = number;
                }
            }
            Err(failure) if !has_failed => {
                has_failed = true;
                output.write_failure(&failure);
            }
            Err(_) => {}
        }
    }
    Ok(())
}

impl Answer for Number {
    fn table(&self, _oss: &str) -> String {
        let now = self.line.as_ref().map_or("never held here".to_owned(), line);
        let holds = self.history.iter().map(hold);
        std::iter::once(format!("{}: {now}", self.msisdn)).chain(holds).collect::<Vec<_>>().join("\n\n")
    }
}

pub(super) fn line(line: &Line) -> String {
    let Line { status, origin, updated_at, .. } = line;
    let since = updated_at.map(|at| format!(" since {}", time(at))).unwrap_or_default();
    let sim = line.assigned_sim_id.map(|sim| format!("\nSIM     {sim}")).unwrap_or_default();
    format!("{status}{since}\norigin  {origin}{sim}")
}

/// A hold as text, with one field a line, because ids are long and a terminal is narrow.
pub(super) fn hold(hold: &HoldRecord) -> String {
    let preview = hold.preview.map_or("none: random".to_owned(), |preview| preview.to_string());
    let external_id = hold.external_id.as_ref().map_or("cannot be read".to_owned(), ToString::to_string);
    let fields = [
        ("begun", Some(time(hold.created_at))),
        ("held until", hold.hold_expires_at.map(time)),
        ("preview", Some(preview)),
        ("Sigan's id", Some(external_id)),
        ("reason", hold.reason.clone()),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| Some(format!("\n  {name:<10}  {}", value?)));
    std::iter::once(format!("{} since {}", hold.state, time(hold.updated_at))).chain(fields).collect()
}

pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

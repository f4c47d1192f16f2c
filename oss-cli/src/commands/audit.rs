//! `oss audit`

use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use oss_core::{AuditOptions, AuditReport, Difference, Found, Oss};
use serde::Serialize;

use crate::exit::{self, Failure};
use crate::output::{Answer, Output, table};

/// Walks both sides and tells every difference. Progress is shown where standard error is a terminal.
pub(crate) async fn run(oss: &Oss, options: AuditOptions, output: Output) -> Result<ExitCode, Failure> {
    let progress = progress();
    let mut differences = Vec::new();
    let mut so_far = AuditReport::default();
    let audited = oss.audit(options, |found| match found {
        Found::Difference(difference) => differences.push(difference),
        Found::Progress(report) => {
            progress.set_message(told(&report));
            so_far = report;
        }
    });
    let audited = audited.await;
    progress.finish_and_clear();
    let report = match audited {
        Ok(report) => report,
        // What was mended before it failed has to be told.
        Err(error) => {
            if !differences.is_empty() {
                output.answer(&Audited { report: so_far, differences })?;
            }
            return Err(error.into());
        }
    };
    output.answer(&Audited { report, differences })?;
    Ok(ExitCode::from(if report.differences() == 0 { exit::OK } else { exit::CONFLICT }))
}

fn progress() -> ProgressBar {
    let progress = ProgressBar::new_spinner();
    // The template is a constant, and one that cannot be read leaves the default.
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        progress.set_style(style);
    }
    progress.enable_steady_tick(Duration::from_millis(200));
    progress
}

fn told(report: &AuditReport) -> String {
    let AuditReport { listed, held, unsettled, .. } = report;
    format!(
        "{listed} held in Sigan, {held} held here, {unsettled} not settled yet, {} differ",
        report.differences()
    )
}

#[derive(Debug, Serialize)]
struct Audited {
    #[serde(flatten)]
    report: AuditReport,
    differences: Vec<Difference>,
}

impl Answer for Audited {
    fn table(&self, oss: &str) -> String {
        let summary = told(&self.report);
        if self.differences.is_empty() {
            return summary;
        }
        let mut table = table(&["number", "difference", "Sigan's id", "state here", "outcome"]);
        for difference in &self.differences {
            table.add_row(row(difference));
        }
        let next = if self.report.fixed > 0 {
            format!("To see what is left: {oss} audit")
        } else {
            format!("To settle what is safe: {oss} audit --fix")
        };
        format!("{table}\n{summary}, {} fixed\n{next}", self.report.fixed)
    }
}

fn row(difference: &Difference) -> [String; 5] {
    let none = || "none".to_owned();
    [
        difference
            .msisdn
            .map_or_else(|| difference.row.clone().unwrap_or_default(), |msisdn| msisdn.to_string()),
        difference.kind.as_str().to_owned(),
        difference.external_id.as_ref().map_or_else(none, ToString::to_string),
        difference.state.map_or_else(none, |state| state.to_string()),
        difference.outcome.as_str().to_owned(),
    ]
}

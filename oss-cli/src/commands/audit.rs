//! `oss audit`

use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use oss_core::{AuditOptions, AuditReport, BrandId, Difference, Found, Oss};
use serde::Serialize;

use crate::exit::{self, Failure};
use crate::output::{Answer, Output, table};

/// Walks both sides and tells every difference. Progress is shown where standard error is a terminal.
///
/// Unless `clients_are_known`, brands of clients that hold nothing here may be missed, and the answer says so.
pub(crate) async fn run(
    oss: &Oss,
    options: AuditOptions,
    clients_are_known: bool,
    output: Output,
) -> Result<ExitCode, Failure> {
    let progress = progress();
    let mut audited = Audited { may_miss_brands: !clients_are_known, ..Audited::default() };
    let outcome = oss.audit(options, |found| match found {
        Found::Brand(brand) => audited.brands.push(brand),
        Found::Difference(difference) => audited.differences.push(difference),
        Found::Progress(report) => {
            progress.set_message(told(&report));
            audited.report = report;
        }
    });
    let outcome = outcome.await;
    progress.finish_and_clear();
    audited.report = match outcome {
        Ok(report) => report,
        // What was mended before it failed has to be told.
        Err(error) => {
            if !audited.differences.is_empty() {
                output.answer(&audited)?;
            }
            return Err(error.into());
        }
    };
    output.answer(&audited)?;
    Ok(ExitCode::from(if audited.report.is_clean() { exit::OK } else { exit::CONFLICT }))
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

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Audited {
    #[serde(flatten)]
    report: AuditReport,
    /// The brands that were audited, and no others.
    brands: Vec<BrandId>,
    /// Whether there may be brands that nothing here names.
    may_miss_brands: bool,
    differences: Vec<Difference>,
}

impl Audited {
    fn coverage(&self) -> String {
        let brands: Vec<&str> = self.brands.iter().map(BrandId::as_str).collect();
        let brands = format!("Audited brands: {}", brands.join(", "));
        if !self.may_miss_brands {
            return brands;
        }
        format!(
            "{brands}\nNot audited: a brand that only the server's file names and that holds nothing here; \
             give that file with --config"
        )
    }

    fn next(&self, oss: &str) -> String {
        match (self.differences.is_empty(), self.report.unsettled) {
            (true, 0) => "Clean: nothing differs".to_owned(),
            (true, unsettled) => format!("Not clean: {unsettled} left unsettled, run again: {oss} audit"),
            _ if self.report.fixed > 0 => format!("To see what is left: {oss} audit"),
            _ => format!("To settle what is safe: {oss} audit --fix"),
        }
    }
}

impl Answer for Audited {
    fn table(&self, oss: &str) -> String {
        let (summary, coverage, next) = (told(&self.report), self.coverage(), self.next(oss));
        if self.differences.is_empty() {
            return format!("{summary}\n{coverage}\n{next}");
        }
        let mut table = table(&["number", "difference", "Sigan's id", "state here", "outcome"]);
        for difference in &self.differences {
            table.add_row(row(difference));
        }
        format!("{table}\n{summary}, {} fixed\n{coverage}\n{next}", self.report.fixed)
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

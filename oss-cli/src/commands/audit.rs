//! `oss audit`

use std::convert::Infallible;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Instant;

use indicatif::{HumanDuration, ProgressBar, ProgressState};
use oss_core::{AuditReport, BrandId, Difference, Found};
use serde::Serialize;
use tokio::sync::Notify;

use crate::exit::{self, Failure};
use crate::form::Form;
use crate::output::{Answer, Output};
use crate::service::{Audit, Service};
use crate::status_line::{Line, draw, is_visible, style, wait};

/// The status line of an audit: its progress among the numbers that are held here, the system it waits for, and its findings.
const LINE: &str = "{spinner} {pace}, {wait}{wide_msg}";

/// Runs an audit and writes every difference: for people and as NDJSON at once, as JSON in one document at the end. Progress is shown if
/// standard error is a terminal.
///
/// If the lines cannot be written, for instance because their reader has left, the audit ends.
///
/// Unless `clients_are_known`, brands of clients that hold nothing here may be missed, and the answer says so.
pub(crate) async fn run(
    service: &impl Service,
    options: Audit,
    clients_are_known: bool,
    output: Output,
) -> Result<ExitCode, Failure> {
    let mut audited = Audited { may_miss_brands: !clients_are_known, ..Audited::default() };
    let (mut written, broken) = (Ok(()), Notify::new());
    let outcome = {
        let line =
            draw(style(LINE).with_key("pace", write_pace).with_key("wait", write_wait(Instant::now())));
        line.set_message(found_so_far(&AuditReport::default()));
        let audit = service.audit(options, |found| {
            let shown = audited.record(found, &line, output);
            if written.is_ok() && shown.is_err() {
                written = shown;
                broken.notify_one();
            }
        });
        tokio::select! {
            biased;
            () = broken.notified() => None,
            outcome = run_showing_total(service, &line, audit) => Some(outcome),
        }
    };
    written?;
    audited.report = match outcome {
        None => return Err(Failure::closed_pipe()),
        Some(Ok(report)) => report,
        // A program still needs the differences that were found before the failure. People have seen them already.
        Some(Err(error)) => {
            if !audited.differences.is_empty() && output.form != Form::Table {
                output.write_answer(&audited)?;
            }
            return Err(error);
        }
    };
    output.write_answer(&audited)?;
    Ok(ExitCode::from(if audited.report.is_clean() { exit::OK } else { exit::CONFLICT }))
}

/// Runs the audit, and counts the held numbers meanwhile, so that the line can show a total.
async fn run_showing_total<T>(service: &impl Service, line: &Line, audit: impl Future<Output = T>) -> T {
    let count = async {
        // A failed count only leaves the total out: if the database is down, the audit reports it.
        if let (true, Ok(Some(total))) = (is_visible(), service.count_held_numbers().await) {
            line.set_length(total);
        }
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        biased;
        done = audit => done,
        never = count => match never {},
    }
}

fn write_wait(begun: Instant) -> impl Fn(&ProgressState, &mut dyn Write) + Clone + Send + Sync {
    move |_, to| {
        if let Some(wait) = wait(begun) {
            // If the line cannot be written, it is redrawn in a moment.
            let _ = write!(to, "{wait}, ");
        }
    }
}

fn write_pace(state: &ProgressState, to: &mut dyn Write) {
    let (done, rate) = (state.pos(), state.per_sec());
    // If the line cannot be written, it is redrawn in a moment.
    let _ = match state.len() {
        Some(total) if done > 0 => {
            write!(to, "{done} of {total} numbers, {rate:.0}/s, {:#} left", HumanDuration(state.eta()))
        }
        Some(total) => write!(to, "{done} of {total} numbers"),
        None => write!(to, "{done} numbers"),
    };
}

fn found_so_far(report: &AuditReport) -> String {
    format!("{} in Sigan, {} unsettled, {} differ", report.listed, report.unsettled, report.differences())
}

fn summary(report: &AuditReport) -> String {
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
    /// The brands that were audited.
    brands: Vec<BrandId>,
    /// Whether there may be brands that neither the configuration nor the database names.
    may_miss_brands: bool,
    differences: Vec<Difference>,
}

impl Audited {
    fn record(&mut self, found: Found, line: &ProgressBar, output: Output) -> Result<(), Failure> {
        match found {
            Found::Brand(brand) => self.brands.push(brand),
            Found::Progress(report) => {
                line.set_position(report.held);
                line.set_message(found_so_far(&report));
                self.report = report;
            }
            Found::Difference(difference) => {
                output.write_part(&row(&difference))?;
                output.write_entry(&difference)?;
                self.differences.push(difference);
            }
        }
        Ok(())
    }

    fn coverage(&self) -> String {
        let brands: Vec<&str> = self.brands.iter().map(BrandId::as_str).collect();
        let brands = format!("Audited brands: {}", brands.join(", "));
        if !self.may_miss_brands {
            return brands;
        }
        format!(
            "{brands}\nNot audited: a brand that only the server's file names and that holds nothing\nhere; give that file \
             with --config"
        )
    }

    fn next(&self, oss: &str) -> String {
        match (self.differences.is_empty(), self.report.unsettled) {
            (true, 0) => "Clean: nothing differs".to_owned(),
            (true, unsettled) => format!("Not clean: {unsettled} left unsettled, run again: {oss} audit"),
            _ if self.report.being_told > 0 => {
                format!("To tell Sigan again, unless a server does: {oss} sweep")
            }
            _ if self.report.fixed > 0 => format!("To see what is left: {oss} audit"),
            _ => format!("To settle what is safe: {oss} audit --fix"),
        }
    }

    fn outcomes(&self) -> String {
        let AuditReport { fixed, being_told, .. } = self.report;
        if being_told == 0 {
            return format!("{fixed} fixed");
        }
        format!("{fixed} fixed, {being_told} given back here but not yet confirmed by Sigan")
    }
}

/// The text at the end. People have seen each difference when it was found.
impl Answer for Audited {
    fn table(&self, oss: &str) -> String {
        let outcomes = (!self.differences.is_empty()).then(|| self.outcomes());
        let lines = [Some(summary(&self.report)), outcomes, Some(self.coverage()), Some(self.next(oss))];
        lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
    }

    /// The last line. Programs have read each difference when it was found.
    fn lines(&self) -> serde_json::Result<Vec<String>> {
        let mut report = serde_json::to_value(self)?;
        if let Some(fields) = report.as_object_mut() {
            fields.remove("differences");
        }
        Ok(vec![report.to_string()])
    }
}

/// A difference as text. It has no columns, because the rows that follow are not known yet.
fn row(Difference { msisdn, row, sim, kind, external_id, state, outcome, .. }: &Difference) -> String {
    let (kind, outcome) = (kind.as_str(), outcome.as_str());
    if let Some(sim) = sim {
        let number = msisdn.map_or("none".to_owned(), |msisdn| msisdn.to_string());
        return format!(
            "{sim}  {kind}; number: {number}
             {outcome}"
        );
    }
    let Some(msisdn) = msisdn else {
        return format!(
            "{kind}: {}
             {outcome}",
            row.as_deref().unwrap_or_default()
        );
    };
    let id = external_id.as_ref().map_or("none".to_owned(), ToString::to_string);
    let state = state.map_or("none".to_owned(), |state| state.to_string());
    format!(
        "{msisdn}  {kind}; state here: {state}
             Sigan's id: {id}
             {outcome}"
    )
}

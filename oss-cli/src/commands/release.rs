//! `oss release`

use std::io::{BufRead, stdin};
use std::process::ExitCode;

use oss_core::{BulkMode, Malformed, Msisdn, Released};
use serde::Serialize;
use serde_json::json;

use crate::args::NumberSource;
use crate::exit::{self, Failure};
use crate::output::{Answer, Output, lines_of, table};
use crate::service::Service;

/// Releases every number, even if some cannot be released. The exit code is that of the first failure.
pub(crate) async fn run(
    service: &impl Service,
    sources: Vec<NumberSource>,
    dry_run: bool,
    output: Output,
) -> Result<ExitCode, Failure> {
    let mode = if dry_run { BulkMode::DryRun } else { BulkMode::Release };
    let mut done =
        Releases { dry_run, released: Vec::new(), already_released: Vec::new(), failed: Vec::new() };
    for (msisdn, result) in service.release_all(numbers(sources)?, mode).await? {
        match result {
            Ok(released) => {
                done.released.push(msisdn.to_string());
                done.already_released.extend((released == Released::Before).then(|| msisdn.to_string()));
            }
            Err(error) => done.failed.push(Failed { msisdn: msisdn.to_string(), error }),
        }
    }
    output.write_answer(&done)?;
    Ok(ExitCode::from(done.failed.first().map_or(exit::OK, |failed| failed.error.exit)))
}

/// The numbers of every source. Nothing is released if one of them cannot be read.
fn numbers(sources: Vec<NumberSource>) -> Result<Vec<Msisdn>, Failure> {
    let mut numbers = Vec::new();
    for source in sources {
        match source {
            NumberSource::Number(msisdn) => numbers.push(msisdn),
            NumberSource::Input => read_lines(stdin().lock(), &mut numbers)?,
        }
    }
    Ok(numbers)
}

/// Reads a number from each line that is not empty. An error names the line, because it must not repeat the text.
fn read_lines(input: impl BufRead, numbers: &mut Vec<Msisdn>) -> Result<(), Failure> {
    for (line, text) in (1..).zip(input.lines()) {
        let text =
            text.map_err(|error| Failure::usage(format!("line {line} of the input: {}", error.kind())))?;
        if text.trim().is_empty() {
            continue;
        }
        let number = text.trim().parse().map_err(|malformed: Malformed| {
            Failure::usage(format!("line {line} of the input: {malformed}; nothing was released"))
        });
        numbers.push(number?);
    }
    Ok(())
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Releases {
    /// Whether nothing was changed.
    dry_run: bool,
    /// Numbers that are released, now or before.
    released: Vec<String>,
    /// The ones among them that were released before.
    already_released: Vec<String>,
    failed: Vec<Failed>,
}

#[derive(Debug, Serialize)]
struct Failed {
    msisdn: String,
    error: Failure,
}

impl Answer for Releases {
    fn table(&self, _oss: &str) -> String {
        let mut table = table(&["number", "outcome"]);
        let now = if self.dry_run { "would be released" } else { "released" };
        for msisdn in &self.released {
            let outcome = if self.already_released.contains(msisdn) { "released before" } else { now };
            table.add_row([msisdn.as_str(), outcome]);
        }
        for failed in &self.failed {
            table.add_row([&failed.msisdn, &failed.error.message]);
        }
        table.to_string()
    }

    fn lines(&self) -> serde_json::Result<Vec<String>> {
        let Self { dry_run, released, already_released, failed } = self;
        let released = released.iter().map(|msisdn| {
            let outcome = if already_released.contains(msisdn) { "already-released" } else { "released" };
            json!({ "msisdn": msisdn, "outcome": outcome, "dryRun": dry_run })
        });
        let failed = failed.iter().map(|Failed { msisdn, error }| {
            json!({ "msisdn": msisdn, "outcome": "failed", "dryRun": dry_run, "error": error })
        });
        lines_of(&released.chain(failed).collect::<Vec<_>>())
    }
}

//! `oss release`

use std::process::ExitCode;

use oss_core::Msisdn;
use serde::Serialize;
use serde_json::json;

use crate::exit::{self, Failure};
use crate::output::{Answer, Output, lines_of, table};
use crate::service::Service;

/// Releases every number, even if some cannot be released. The exit code is that of the first failure.
pub(crate) async fn run(
    service: &impl Service,
    msisdns: Vec<Msisdn>,
    output: Output,
) -> Result<ExitCode, Failure> {
    let mut done = Released { released: Vec::new(), failed: Vec::new() };
    let mut code = exit::OK;
    for msisdn in msisdns {
        match service.release(msisdn).await {
            Ok(()) => done.released.push(msisdn.to_string()),
            Err(error) => {
                code = if code == exit::OK { error.exit } else { code };
                done.failed.push(Failed { msisdn: msisdn.to_string(), error });
            }
        }
    }
    output.write_answer(&done)?;
    Ok(ExitCode::from(code))
}

#[derive(Debug, Serialize)]
struct Released {
    released: Vec<String>,
    failed: Vec<Failed>,
}

#[derive(Debug, Serialize)]
struct Failed {
    msisdn: String,
    error: Failure,
}

impl Answer for Released {
    fn table(&self, _oss: &str) -> String {
        let mut table = table(&["number", "outcome"]);
        for msisdn in &self.released {
            table.add_row([msisdn.as_str(), "released"]);
        }
        for failed in &self.failed {
            table.add_row([&failed.msisdn, &failed.error.message]);
        }
        table.to_string()
    }

    fn lines(&self) -> serde_json::Result<Vec<String>> {
        let released = self.released.iter().map(|msisdn| json!({ "msisdn": msisdn, "released": true }));
        let failed = self
            .failed
            .iter()
            .map(|Failed { msisdn, error }| json!({ "msisdn": msisdn, "released": false, "error": error }));
        lines_of(&released.chain(failed).collect::<Vec<_>>())
    }
}

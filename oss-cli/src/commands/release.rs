//! `oss release`

use std::process::ExitCode;

use oss_core::{Msisdn, Oss};
use serde::Serialize;

use crate::exit::{self, Failure};
use crate::output::{Answer, FailureBody, Output, table};

/// Releases every number, even if some cannot be released. The exit code is that of the first failure.
pub(crate) async fn run(oss: &Oss, msisdns: Vec<Msisdn>, output: Output) -> Result<ExitCode, Failure> {
    let mut done = Released { released: Vec::new(), failed: Vec::new() };
    let mut code = exit::OK;
    for msisdn in msisdns {
        match oss.release(msisdn).await {
            Ok(()) => done.released.push(msisdn.to_string()),
            Err(error) => {
                let failure = Failure::from(error);
                code = if code == exit::OK { failure.exit } else { code };
                done.failed.push(Failed::new(msisdn, &failure));
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
    error: serde_json::Value,
    #[serde(skip)]
    message: String,
}

impl Failed {
    fn new(msisdn: Msisdn, failure: &Failure) -> Self {
        let error = serde_json::json!(FailureBody::from(failure));
        Self { msisdn: msisdn.to_string(), error, message: failure.message.clone() }
    }
}

impl Answer for Released {
    fn table(&self, _oss: &str) -> String {
        let mut table = table(&["number", "outcome"]);
        for msisdn in &self.released {
            table.add_row([msisdn.as_str(), "released"]);
        }
        for failed in &self.failed {
            table.add_row([&failed.msisdn, &failed.message]);
        }
        table.to_string()
    }
}

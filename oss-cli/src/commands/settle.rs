//! `oss settle`

use std::process::ExitCode;

use oss_core::sigan::Holder;
use oss_core::{Msisdn, Settlement};

use crate::exit::{self, Failure};
use crate::output::{Answer, Output};
use crate::service::Service;

/// Settles a number. As after an audit, the exit code says whether our record and Sigan's agree.
pub(crate) async fn run(service: &impl Service, msisdn: Msisdn, output: Output) -> Result<ExitCode, Failure> {
    let settlement = service.settle(msisdn).await?;
    output.write_answer(&settlement)?;
    Ok(ExitCode::from(if settlement.agrees { exit::OK } else { exit::CONFLICT }))
}

impl Answer for Settlement {
    fn table(&self, oss: &str) -> String {
        let result = match (self.sigan.map(said), self.agrees) {
            (None, true) => "Settled: nothing is left in doubt".to_owned(),
            (None, false) => format!("Not settled yet. To ask again: {oss} settle {}", self.number.msisdn),
            (Some(said), true) => format!("Sigan {said}, as recorded here"),
            (Some(said), false) => {
                format!("Sigan {said}, which differs from the record here. To see more: {oss} audit")
            }
        };
        format!("{}\n\n{result}", self.number.table(oss))
    }
}

fn said(holder: Holder) -> &'static str {
    match holder {
        Holder::Reserved => "holds the number for us",
        Holder::PreReserved => "has only pre-reserved the number for us",
        Holder::Nobody => "does not hold the number for us",
    }
}

//! `oss ddd`

use std::process::ExitCode;

use oss_core::Ddd;
use serde::Serialize;

use crate::exit::{self, Failure};
use crate::output::{Answer, Output};
use crate::service::Service;

pub(crate) async fn run(service: &impl Service, ddd: Ddd, output: Output) -> Result<ExitCode, Failure> {
    let exists = service.ddd_exists(ddd).await?;
    output.write_answer(&Existence { ddd, exists })?;
    Ok(ExitCode::from(if exists { exit::OK } else { exit::UNKNOWN }))
}

#[derive(Debug, Serialize)]
struct Existence {
    ddd: Ddd,
    exists: bool,
}

impl Answer for Existence {
    fn table(&self, _oss: &str) -> String {
        let Self { ddd, exists } = self;
        if *exists { format!("DDD {ddd} exists") } else { format!("DDD {ddd} is not in use in Brazil") }
    }
}

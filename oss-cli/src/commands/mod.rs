//! The commands: one call of the library each, and how its answer looks.

mod assign;
mod ddd;
mod devices;
pub(crate) mod import;
pub(crate) mod migrate;
mod preview;
mod release;
mod reserve;
mod show;
pub(crate) mod sigan_mock;

use std::process::ExitCode;

use oss_core::Oss;

use crate::args::Command;
use crate::exit::Failure;
use crate::output::Output;

/// Runs a command that needs a client.
pub(crate) async fn run(oss: &Oss, command: Command, output: Output) -> Result<ExitCode, Failure> {
    match command {
        Command::Preview { ddd, previous } => output.answer(&oss.create_preview(ddd, previous).await?)?,
        Command::Reserve { ddd, preview, index } => {
            output.answer(&reserve::run(oss, ddd, preview, index).await?)?;
        }
        Command::Release { msisdns } => return release::run(oss, msisdns, output).await,
        Command::Assign { msisdn, sim } => output.answer(&assign::run(oss, msisdn, sim).await?)?,
        Command::Show { msisdn } => output.answer(&oss.number(msisdn).await?)?,
        Command::Ddd { ddd: Some(ddd), .. } => return ddd::run(oss, ddd, output).await,
        Command::Brands => output.answer(&devices::brands(oss).await?)?,
        Command::Models { brand } => output.answer(&devices::models(oss, &brand).await?)?,
        Command::Esim(device) => output.answer(&devices::esim(oss, device).await?)?,
        Command::Ddd { .. } | Command::Devices { .. } | Command::Migrate | Command::SiganMock { .. } => {
            return Err(Failure::internal("a command without a client was given one".to_owned()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

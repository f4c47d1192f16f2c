//! The commands. Each makes one call of the library, and writes its answer.

mod adopt;
mod assign;
mod audit;
mod ddd;
mod devices;
#[cfg(feature = "sandbox")]
pub(crate) mod gsim_mock;
pub(crate) mod import;
pub(crate) mod keys;
mod lines;
pub(crate) mod migrate;
mod preview;
mod release;
mod reserve;
mod show;
#[cfg(feature = "sandbox")]
pub(crate) mod sigan_mock;
mod sims;
mod sweep;

use std::process::ExitCode;

use oss_core::{AuditOptions, Oss};

use crate::args::Command;
use crate::exit::Failure;
use crate::output::Output;
use crate::service::Service;
use crate::status_line::while_waiting;

/// Runs a command that needs an [`Oss`]. `clients_are_known` says whether the configuration names the clients of the server.
pub(crate) async fn run(
    oss: &Oss,
    command: Command,
    clients_are_known: bool,
    output: Output,
) -> Result<ExitCode, Failure> {
    match command {
        Command::Sweep { watch: false } => {
            output.write_answer(&while_waiting(oss.sweep()).await?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Adopt { msisdn, sim, brand, external_id } => {
            let adoption = oss.adopt(msisdn, sim, brand).external_id(external_id).into_future();
            output.write_answer(&while_waiting(adoption).await?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Sweep { watch: true } => sweep::watch(oss, output).await.map(|()| ExitCode::SUCCESS),
        Command::Audit { fix, force, min_age } => {
            let options = AuditOptions::default().fix(fix).force(force).min_age(min_age);
            audit::run(oss, options, clients_are_known, output).await
        }
        command => while_waiting(run_once(oss, command, output)).await,
    }
}

/// Runs a command that works on a database and through a server.
async fn run_once(service: &impl Service, command: Command, output: Output) -> Result<ExitCode, Failure> {
    match command {
        Command::Preview { ddd, previous, idempotency_key } => {
            output.write_answer(&service.create_preview(ddd, previous, idempotency_key).await?)?;
        }
        Command::Reserve { ddd: Some(ddd), idempotency_key, .. } => {
            output.write_answer(&service.reserve_random(ddd, idempotency_key).await?)?;
        }
        Command::Reserve { ddd: None, preview, index, .. } => {
            output.write_answer(&reserve::run(service, preview, index).await?)?;
        }
        Command::Release { msisdns } => return release::run(service, msisdns, output).await,
        Command::Assign { msisdn, sim } => {
            service.assign(msisdn, sim).await?;
            output.write_answer(&assign::Assigned { msisdn, sim_id: sim })?;
        }
        Command::Show { msisdn } => output.write_answer(&service.number(msisdn).await?)?,
        Command::Sim { command } => sims::run(service, command, output).await?,
        Command::Line { command } => lines::run(service, command, output).await?,
        Command::Ddd { ddd: Some(ddd), .. } => return ddd::run(service, ddd, output).await,
        Command::Brands => output.write_answer(&devices::brands(service).await?)?,
        Command::Models { brand } => output.write_answer(&devices::models(service, &brand).await?)?,
        Command::Esim(device) => output.write_answer(&devices::esim(service, device).await?)?,
        Command::Sweep { .. }
        | Command::Adopt { .. }
        | Command::Audit { .. }
        | Command::Ddd { .. }
        | Command::Devices { .. }
        | Command::Keys { .. }
        | Command::Migrate
        | Command::SiganMock { .. }
        | Command::GsimMock { .. } => {
            return Err(Failure::internal("a command reached the code of another command"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

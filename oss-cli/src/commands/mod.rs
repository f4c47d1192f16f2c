//! The commands. Each makes one call of the library, and writes its answer.

mod adopt;
mod assign;
mod audit;
pub(crate) mod config;
mod ddd;
mod devices;
pub(crate) mod doctor;
mod events;
mod extend;
mod find;
#[cfg(feature = "sandbox")]
pub(crate) mod gsim_mock;
mod history;
pub(crate) mod import;
pub(crate) mod keys;
mod lines;
mod list;
pub(crate) mod migrate;
mod preview;
mod release;
mod reserve;
mod settle;
pub(crate) mod shell;
mod show;
#[cfg(feature = "sandbox")]
pub(crate) mod sigan_mock;
mod sims;
mod stats;
mod sweep;
mod watching;
mod webhooks;

use std::process::ExitCode;

use oss_core::Oss;

use crate::args::Command;
use crate::exit::Failure;
use crate::output::Output;
use crate::prompt;
use crate::service::{Audit, Service};
use crate::status_line::while_waiting;

/// The question before an audit that changes something.
const FIX: &str = "This releases numbers in Sigan, deprograms SIMs in GSIM and changes records here. Settle the differences?";

/// Runs a command that needs an [`Oss`]. `clients_are_known` says whether the configuration names the clients of the server.
pub(crate) async fn run(
    oss: &Oss,
    command: Command,
    clients_are_known: bool,
    output: Output,
) -> Result<ExitCode, Failure> {
    match command {
        Command::Adopt { msisdn, sim, brand, external_id } => {
            let adoption = oss.adopt(msisdn, sim, brand).external_id(external_id).into_future();
            output.write_answer(&while_waiting(adoption).await?)?;
            Ok(ExitCode::SUCCESS)
        }
        command => run_anywhere(oss, command, clients_are_known, output).await,
    }
}

/// Runs a command that works on a database and through a server. `clients_are_known` says whether an audit covers every brand that it
/// should.
pub(crate) async fn run_anywhere(
    service: &impl Service,
    command: Command,
    clients_are_known: bool,
    output: Output,
) -> Result<ExitCode, Failure> {
    match command {
        Command::Preview { ddd, previous, idempotency_key } => {
            preview::run(service, ddd, previous, idempotency_key, output).await?;
        }
        Command::Show { msisdn, watch: true, .. } => show::watch(service, msisdn, output).await?,
        Command::Events(args) if args.follow => events::follow(service, args, output).await?,
        Command::Sweep { watch: true } => sweep::watch(service, output).await?,
        Command::Audit { fix, force, yes, min_age } => {
            if fix && !yes && prompt::is_possible(output.form) && !prompt::confirm(FIX).await? {
                return Err(Failure::interrupted("nothing was changed"));
            }
            return audit::run(service, Audit { fix, force, min_age }, clients_are_known, output).await;
        }
        command => return while_waiting(run_once(service, command, output)).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a command that ends by itself and asks no question.
async fn run_once(service: &impl Service, command: Command, output: Output) -> Result<ExitCode, Failure> {
    match command {
        Command::Reserve { ddd: Some(ddd), idempotency_key, .. } => {
            output.write_answer(&service.reserve_random(ddd, idempotency_key).await?)?;
        }
        Command::Reserve { ddd: None, preview, index, .. } => {
            output.write_answer(&reserve::run(service, preview, index).await?)?;
        }
        Command::Release { msisdns, dry_run } => {
            return release::run(service, msisdns, dry_run, output).await;
        }
        Command::Extend { msisdn } => {
            output.write_answer(&extend::Extended(service.extend_reservation(msisdn).await?))?;
        }
        Command::Assign { msisdn, sim } => {
            service.assign(msisdn, sim).await?;
            output.write_answer(&assign::Assigned { msisdn, sim_id: sim })?;
        }
        Command::Show { msisdn, history: true, .. } => {
            output.write_answer(&service.number_history(msisdn).await?)?;
        }
        Command::Show { msisdn, .. } => output.write_answer(&service.number(msisdn).await?)?,
        Command::List(args) => {
            let all = args.all;
            list::run(service, args.list()?, all, output).await?;
        }
        Command::Find { text } => {
            output.write_answer(&service.search(&text).await?)?;
        }
        Command::Settle { msisdn } => return settle::run(service, msisdn, output).await,
        Command::Sim { command } => sims::run(service, command, output).await?,
        Command::Line { command } => lines::run(service, command, output).await?,
        Command::Ddd { ddd: Some(ddd), .. } => return ddd::run(service, ddd, output).await,
        Command::Stats => output.write_answer(&service.statistics().await?)?,
        Command::Events(args) => events::run(service, args, output).await?,
        Command::Sweep { .. } => output.write_answer(&service.sweep().await?)?,
        Command::Webhooks { command } => webhooks::run(service, command, output).await?,
        Command::Brands => output.write_answer(&devices::brands(service).await?)?,
        Command::Models { brand } => output.write_answer(&devices::models(service, &brand).await?)?,
        Command::Esim(device) => output.write_answer(&devices::esim(service, device).await?)?,
        Command::Preview { .. }
        | Command::Adopt { .. }
        | Command::Audit { .. }
        | Command::Ddd { .. }
        | Command::Devices { .. }
        | Command::Keys { .. }
        | Command::Migrate
        | Command::Config { .. }
        | Command::Doctor
        | Command::Completions { .. }
        | Command::Man { .. }
        | Command::SiganMock { .. }
        | Command::GsimMock { .. } => {
            return Err(Failure::internal("a command reached the code of another command"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

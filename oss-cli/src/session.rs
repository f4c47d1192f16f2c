//! From arguments to a finished command: configuration, log, client, interruption, shutdown.

use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;

use oss_core::config::{Basics, Config, LogConfig, Sources};
use oss_core::sandbox::Sandbox;
use oss_core::{Oss, ReferenceData, log, store};
use tracing::Level;

use crate::args::{Args, Command, DddCommand, DevicesCommand, Globals, ImportOptions, KeysCommand};
use crate::commands;
use crate::commands::import::{Import, Place};
use crate::exit::{self, Failure};
use crate::output::Output;

/// Runs a command to its end. An interruption waits for the call under way, so that no number is lost; a second does not.
pub(crate) async fn run(args: Args, output: Output) -> Result<ExitCode, Failure> {
    let mut work = pin!(execute(args, output));
    tokio::select! {
        done = &mut work => return done,
        _ = tokio::signal::ctrl_c() => tell("Finishing the call under way, so that no number is lost; press again to leave at once."),
    }
    tokio::select! {
        done = &mut work => done,
        _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(exit::INTERRUPTED)),
    }
}

#[expect(clippy::print_stderr, reason = "said to the person at the terminal, not to a program")]
fn tell(text: &str) {
    eprintln!("{text}");
}

async fn execute(Args { globals, command }: Args, output: Output) -> Result<ExitCode, Failure> {
    match command {
        Command::Migrate => migrate(&globals, output).await,
        Command::Keys { command: KeysCommand::New { name } } => {
            output.answer(&commands::keys::new(name)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::SiganMock { listen, latency, fail_rate, lose_rate } => {
            log_at(Basics::load(&sources(&globals))?.log)?;
            commands::sigan_mock::run(listen, latency, fail_rate, lose_rate).await
        }
        Command::Devices { command: DevicesCommand::Import { dir, options } } => {
            import(&globals, &Place::Devices(dir), options, output).await
        }
        Command::Ddd { ddd: Some(_), command: Some(_) } => {
            Err(Failure::usage("give a DDD to ask for, or a file to import; not both".to_owned()))
        }
        Command::Ddd { command: Some(DddCommand::Import { file, options }), .. } => {
            import(&globals, &Place::Ddds(file), options, output).await
        }
        command => {
            let (oss, clients_are_known) = connect(&globals).await?;
            let outcome = commands::run(&oss, command, clients_are_known, output).await;
            // A release is told to Sigan after it was answered.
            oss.shutdown().await;
            outcome
        }
    }
}

async fn migrate(globals: &Globals, output: Output) -> Result<ExitCode, Failure> {
    if globals.sandbox {
        return Err(Failure::usage("the sandbox migrates itself; leave --sandbox out".to_owned()));
    }
    let (basics, database) = Config::load_for_migration(&sources(globals))?;
    log_at(basics.log)?;
    let report = store::migrate(&database, basics.reservation_ttl).await?;
    output.answer(&commands::migrate::Migrated { migrated: true, report })?;
    Ok(ExitCode::SUCCESS)
}

/// An import needs the database alone, as a migration does.
async fn import(
    globals: &Globals,
    place: &Place,
    options: ImportOptions,
    output: Output,
) -> Result<ExitCode, Failure> {
    let import = Import::read(place, options)?;
    if globals.sandbox {
        let (oss, _) = connect(globals).await?;
        import.run(&oss.reference_data(), output).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let (basics, database) = Config::load_for_migration(&sources(globals))?;
    log_at(basics.log)?;
    import.run(&ReferenceData::connect(&database).await?, output).await?;
    Ok(ExitCode::SUCCESS)
}

/// A client, and whether the configuration names the clients of the server. A sandbox has none.
async fn connect(globals: &Globals) -> Result<(Oss, bool), Failure> {
    if !globals.sandbox {
        let config = Config::load(&sources(globals))?;
        log_at(config.basics.log)?;
        return Ok((Oss::connect(&config).await?, !config.basics.clients.is_empty()));
    }
    let basics = Basics::load(&sources(globals))?;
    log_at(basics.log)?;
    let dir = sandbox_dir(globals)?;
    Ok((Sandbox::in_dir(&basics, &dir).await?.oss().clone(), true))
}

/// People at a terminal want the answer; a log below warnings only where they ask for it.
fn log_at(config: LogConfig) -> Result<(), Failure> {
    log::init(config, Level::WARN).map_err(|error| Failure::internal(error.to_string()))
}

fn sources(globals: &Globals) -> Sources {
    let flags = globals.database_url.clone().map(|url| ("database.url", url));
    Sources::of_process(globals.config.clone(), flags.into_iter().collect())
}

fn sandbox_dir(globals: &Globals) -> Result<PathBuf, Failure> {
    let kept = || std::env::home_dir().map(|home| home.join(".local/state/oss/sandbox"));
    let dir = globals.sandbox_dir.clone().or_else(kept);
    dir.ok_or_else(|| {
        Failure::usage("no home directory; say where the sandbox is kept with --sandbox-dir".to_owned())
    })
}

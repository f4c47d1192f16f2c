//! Runs a command from its arguments to its end: configuration, log, client, interruption, shutdown.

use std::pin::pin;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use oss_core::config::{CommonConfig, Config, LogConfig, Sources};
use oss_core::{Oss, ReferenceData, log, store};
use tokio::signal::unix::{SignalKind, signal};
use tracing::Level;

use crate::args::{
    Args, Command, ConfigCommand, DddCommand, DevicesCommand, Globals, ImportOptions, KeysCommand,
    LineCommand, SimCommand,
};
use crate::calls;
use crate::commands;
use crate::commands::import::{Import, Place};
use crate::exit::Failure;
use crate::form::Form;
use crate::interruption::left_behind;
use crate::output::Output;
use crate::sandbox;
use crate::server::{Server, ServerAccess};
use crate::status_line::{LogWriter, print_notice, while_waiting};

/// The time that an interrupted command has to end by itself before a message is written.
const ENDING: Duration = Duration::from_millis(100);

/// Runs a command to its end. After an interruption it waits for the call under way, so that no number is lost. It leaves at once
/// after a second interruption, or if the command has changed nothing yet.
pub(crate) async fn run(args: Args, output: Output) -> Result<ExitCode, Failure> {
    let left = left_behind(&args.command, output.program);
    let begun = AtomicBool::new(false);
    // One listener for both interruptions: with two, one that comes in between would be lost.
    let mut interruptions = signal(SignalKind::interrupt())
        .map_err(|error| Failure::internal(format!("cannot listen for interruptions: {error}")))?;
    let mut work = pin!(execute(args, output, &begun));
    tokio::select! {
        done = &mut work => return done,
        _ = interruptions.recv() => {}
    }
    // A command that is idle, such as `sweep --watch` between two sweeps, ends by itself, without a message.
    if let Ok(done) = tokio::time::timeout(ENDING, &mut work).await {
        return done;
    }
    let Some(left) = left.filter(|_| begun.load(Ordering::Relaxed)) else {
        return Err(Failure::interrupted("nothing was changed"));
    };
    print_notice("Finishing the call under way, so that no number is lost; press again to leave at once.");
    tokio::select! {
        done = &mut work => done,
        _ = interruptions.recv() => Err(Failure::interrupted(&left)),
    }
}

/// Executes a command. `begun` becomes true as soon as something may have been changed.
async fn execute(
    Args { globals, command }: Args,
    output: Output,
    begun: &AtomicBool,
) -> Result<ExitCode, Failure> {
    if output.form == Form::Csv && !matches!(command, Command::List(_)) {
        return Err(Failure::usage("only `oss list` writes CSV; use --output json"));
    }
    match command {
        Command::Keys { command: KeysCommand::New { name } } => {
            output.write_answer(&commands::keys::new(name)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Config { command: ConfigCommand::Check } => check_config(&globals, output),
        Command::Completions { shell } => {
            commands::shell::write_completions(shell).map(|()| ExitCode::SUCCESS)
        }
        Command::Man { dir } => commands::shell::write_manual(dir.as_deref()).map(|()| ExitCode::SUCCESS),
        command => match ServerAccess::find(&globals, &sources(&globals))? {
            Some(access) => Box::pin(execute_through(access, &globals, command, output, begun)).await,
            None => execute_on_database(globals, command, output, begun).await,
        },
    }
}

/// Executes a command through a server.
async fn execute_through(
    access: ServerAccess,
    globals: &Globals,
    command: Command,
    output: Output,
    begun: &AtomicBool,
) -> Result<ExitCode, Failure> {
    if let Some(name) = database_command(&command) {
        return Err(Failure::usage(format!(
            "`oss {name}` works on a database and not through a server; leave out --server, --profile, OSS_SERVER and OSS_PROFILE"
        )));
    }
    log_at(CommonConfig::load(&sources(globals))?.log)?;
    calls::otherwise_await("the server");
    let server = Server::new(access.for_command(&command))?;
    if matches!(command, Command::Doctor) {
        return while_waiting(commands::doctor::run_through(&server, output)).await;
    }
    begun.store(true, Ordering::Relaxed);
    // A server audits the brand of its client, and it knows every brand if it has no clients.
    commands::run_anywhere(&server, command, true, output).await
}

/// The name of a command that works on a database only.
fn database_command(command: &Command) -> Option<&'static str> {
    Some(match command {
        Command::Adopt { .. } => "adopt",
        Command::Ddd { command: Some(_), .. } => "ddd import",
        Command::Devices { .. } => "devices import",
        Command::GsimMock { .. } => "gsim-mock",
        Command::Migrate => "migrate",
        Command::SiganMock { .. } => "sigan-mock",
        _ => return None,
    })
}

/// Executes a command on a database.
async fn execute_on_database(
    globals: Globals,
    command: Command,
    output: Output,
    begun: &AtomicBool,
) -> Result<ExitCode, Failure> {
    // The brands of `adopt` and `list` are their own.
    if globals.brand.is_some() && !matches!(command, Command::Adopt { .. } | Command::List(_)) {
        return Err(Failure::usage(
            "--brand selects a brand of a server's client; give --server or --profile too",
        ));
    }
    match command {
        Command::Migrate => {
            begun.store(true, Ordering::Relaxed);
            migrate(&globals, output).await
        }
        Command::Doctor => diagnose(&globals, output).await,
        #[cfg(feature = "sandbox")]
        Command::SiganMock { listen, latency, fail_rate, lose_rate } => {
            log_at(CommonConfig::load(&sources(&globals))?.log)?;
            begun.store(true, Ordering::Relaxed);
            commands::sigan_mock::run(listen, latency, fail_rate, lose_rate).await
        }
        #[cfg(not(feature = "sandbox"))]
        Command::SiganMock { .. } => Err(Failure::usage(
            "this program was built without the mock of Sigan; build it with `--features sandbox`",
        )),
        #[cfg(feature = "sandbox")]
        Command::GsimMock(args) => {
            log_at(CommonConfig::load(&sources(&globals))?.log)?;
            begun.store(true, Ordering::Relaxed);
            commands::gsim_mock::run(args).await
        }
        #[cfg(not(feature = "sandbox"))]
        Command::GsimMock { .. } => Err(Failure::usage(
            "this program was built without the mock of GSIM; build it with `--features sandbox`",
        )),
        Command::Devices { command: DevicesCommand::Import { dir, options } } => {
            import(&globals, &Place::Devices(dir), options, output, begun).await
        }
        Command::Ddd { ddd: Some(_), command: Some(_) } => {
            Err(Failure::usage("give a DDD to ask for, or a file to import; not both"))
        }
        Command::Ddd { command: Some(DddCommand::Import { file, options }), .. } => {
            import(&globals, &Place::Ddds(file), options, output, begun).await
        }
        command => {
            let (oss, clients_are_known) = while_waiting(connect(&globals, Needs::of(&command))).await?;
            begun.store(true, Ordering::Relaxed);
            let outcome = commands::run(&oss, command, clients_are_known, output).await;
            // A release is delivered to Sigan after the command was answered.
            while_waiting(oss.shutdown()).await;
            outcome
        }
    }
}

/// Lists the settings, and then fails if one is wrong.
fn check_config(globals: &Globals, output: Output) -> Result<ExitCode, Failure> {
    let sources = sources(globals);
    output.write_answer(&commands::config::Settings::of(&sources))?;
    if globals.sandbox {
        CommonConfig::load(&sources)?;
    } else {
        Config::load(&sources)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn diagnose(globals: &Globals, output: Output) -> Result<ExitCode, Failure> {
    if globals.sandbox {
        return Err(Failure::usage("the sandbox depends on no other system; leave --sandbox out"));
    }
    let config = Config::load(&sources(globals))?;
    log_at(config.common.log)?;
    // The future has those of four systems in it.
    while_waiting(Box::pin(commands::doctor::run(&config, output))).await
}

async fn migrate(globals: &Globals, output: Output) -> Result<ExitCode, Failure> {
    if globals.sandbox {
        return Err(Failure::usage("the sandbox migrates itself; leave --sandbox out"));
    }
    let (common, database) = Config::load_for_migration(&sources(globals))?;
    log_at(common.log)?;
    let report = while_waiting(store::migrate(&database, common.settings.reservation_ttl)).await?;
    output.write_answer(&commands::migrate::Migrated { migrated: true, report })?;
    Ok(ExitCode::SUCCESS)
}

/// Imports a list. Like a migration, it needs only the database.
async fn import(
    globals: &Globals,
    place: &Place,
    options: ImportOptions,
    output: Output,
    begun: &AtomicBool,
) -> Result<ExitCode, Failure> {
    let import = Import::read(place, options)?;
    let reference = if globals.sandbox {
        connect(globals, Needs::Database).await?.0.reference_data()
    } else {
        let (common, database) = Config::load_for_migration(&sources(globals))?;
        log_at(common.log)?;
        while_waiting(ReferenceData::connect(&database)).await?
    };
    begun.store(true, Ordering::Relaxed);
    import.run(&reference, output).await?;
    Ok(ExitCode::SUCCESS)
}

/// The systems that a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// The database alone.
    Database,
    /// Sigan and GSIM too.
    Sigan,
}

impl Needs {
    fn of(command: &Command) -> Self {
        match command {
            Command::Assign { .. }
            | Command::Extend { .. }
            | Command::Show { .. }
            | Command::List(_)
            | Command::Find { .. }
            | Command::Sim {
                command: SimCommand::Show { .. } | SimCommand::Find(_) | SimCommand::Code { .. },
            }
            | Command::Line { command: LineCommand::History { .. } }
            | Command::Ddd { .. }
            | Command::Stats
            | Command::Events(_)
            | Command::Webhooks { .. }
            | Command::Brands
            | Command::Models { .. }
            | Command::Esim(_) => Self::Database,
            _ => Self::Sigan,
        }
    }
}

/// Connects an [`Oss`], and says whether all clients of the server are known. A sandbox has none, so they are.
async fn connect(globals: &Globals, needs: Needs) -> Result<(Oss, bool), Failure> {
    if globals.sandbox {
        let common = CommonConfig::load(&sources(globals))?;
        log_at(common.log)?;
        return Ok((sandbox::open(&common, globals).await?, true));
    }
    if needs == Needs::Database {
        let config = Config::load_without_sigan(&sources(globals))?;
        log_at(config.common.log)?;
        return Ok((Oss::connect_without_sigan(&config).await?, !config.common.clients.is_empty()));
    }
    let config = Config::load(&sources(globals))?;
    log_at(config.common.log)?;
    Ok((Oss::connect(&config).await?, !config.common.clients.is_empty()))
}

/// Starts the log. Messages below warnings appear only if the configuration asks for them, because people want the answer.
fn log_at(config: LogConfig) -> Result<(), Failure> {
    log::init_through(|| LogWriter, Some(calls::layer()), config, Level::WARN).map_err(Failure::internal)
}

fn sources(globals: &Globals) -> Sources {
    Sources::from_env().with_file(globals.config.clone()).with_database_url(globals.database_url.clone())
}

#[cfg(all(test, not(feature = "sandbox")))]
mod tests {
    use super::*;
    use crate::args;
    use crate::exit::USAGE;
    use crate::form::Form;

    #[tokio::test]
    async fn a_program_without_its_sandbox_says_so() {
        let args = args::parse(["oss", "--sandbox", "reserve", "--ddd", "11"]).unwrap();
        let failure = run(args, Output::new(Form::Table, "oss")).await.unwrap_err();
        assert_eq!(failure.exit, USAGE);
        assert!(failure.message.contains("without its sandbox"), "{failure:?}");
    }

    #[tokio::test]
    async fn a_program_without_a_mock_says_so() {
        for (command, system) in [("sigan-mock", "Sigan"), ("gsim-mock", "GSIM")] {
            let args = args::parse(["oss", command, "--listen", "127.0.0.1:0", "--latency", "3s"]).unwrap();
            let failure = run(args, Output::new(Form::Table, "oss")).await.unwrap_err();
            assert_eq!(failure.exit, USAGE);
            assert!(failure.message.contains(&format!("without the mock of {system}")), "{failure:?}");
        }
    }
}

//! Starting and stopping the server.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use oss_core::config::{Basics, Config, ConfigError, Sources};
use oss_core::sandbox::Sandbox;
use oss_core::{Oss, StartError, log};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::Level;

use crate::routes::{Health, router};
use crate::telemetry::{Metrics, Traces};

/// The life of a phone number between an MVNE and Sigan, Vivo's number inventory, over HTTP.
#[derive(Debug, Parser)]
#[command(name = "oss-server", version)]
pub struct Args {
    /// Where to listen [default: 127.0.0.1:8080] [env: `OSS_LISTEN`].
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// A file of settings, in TOML.
    #[arg(long, value_name = "FILE", env = "OSS_CONFIG")]
    config: Option<PathBuf>,
    /// Work on a sandbox in memory: SQLite and a mock of Sigan.
    #[arg(long)]
    sandbox: bool,
    /// Let anyone who reaches this server reserve numbers.
    #[arg(long)]
    allow_anonymous: bool,
}

/// Why the server did not start, or did not stop well.
#[derive(Debug)]
pub struct Failure {
    /// The exit code: 2 for the configuration, 6 for the database, 1 for anything else.
    pub exit: u8,
    /// What was wrong, and what to do.
    pub message: String,
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let exit = match error {
            StartError::Config(_) => 2,
            StartError::Store(_) => 6,
            _ => 1,
        };
        Self { exit, message: error.to_string() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        StartError::from(error).into()
    }
}

/// Serves until it is told to stop, then finishes what it has.
///
/// # Errors
///
/// [`Failure`] where it cannot start.
pub async fn run(args: Args) -> Result<(), Failure> {
    let metrics = Metrics::install().map_err(|error| internal(&error))?;
    let (oss, listen, traces) = connect(&args).await?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| Failure { exit: 2, message: format!("cannot listen on {listen}: {error}") })?;
    let address = listener.local_addr().map_err(|error| internal(&error))?;
    let health = Health::default();
    let told = CancellationToken::new();
    let stop = stopping(health.clone(), told.clone()).map_err(|error| internal(&error))?;
    oss.sweep_in_background();
    oss.count_in_background();
    tracing::info!(%address, sandbox = args.sandbox, "Listening.");

    let served = axum::serve(listener, router(oss.clone(), health, metrics)).with_graceful_shutdown(stop);
    // A client who has sent half a request and says no more would be waited for for ever.
    let too_long = async {
        told.cancelled().await;
        tokio::time::sleep(oss.longest_operation()).await;
    };
    tokio::select! {
        served = served.into_future() => served.map_err(|error| internal(&error))?,
        () = too_long => tracing::warn!("Some requests did not end in time; their connections are closed."),
    }
    // Operations whose callers are gone are still under way.
    oss.shutdown().await;
    traces.end().await;
    tracing::info!("Stopped.");
    Ok(())
}

async fn connect(args: &Args) -> Result<(Oss, SocketAddr, Traces), Failure> {
    let flags = args.listen.map(|address| ("server.listen", address.to_string()));
    let sources = Sources::of_process(args.config.clone(), flags.into_iter().collect());
    if args.sandbox {
        let basics = Basics::load(&sources)?;
        let traces = tell(&basics)?;
        let sandbox = Sandbox::in_memory(&basics).await?;
        return Ok((sandbox.oss().clone(), basics.listen, traces));
    }
    let config = Config::load(&sources)?;
    let traces = tell(&config.basics)?;
    if !args.allow_anonymous {
        let message = "no client keys are configured, so anyone who reaches this server could reserve numbers; \
                       start it with --allow-anonymous if something in front of it admits callers";
        return Err(Failure { exit: 2, message: message.to_owned() });
    }
    Ok((Oss::connect(&config).await?, config.basics.listen, traces))
}

/// From now on what happens is told: in the log, and in traces.
fn tell(basics: &Basics) -> Result<Traces, Failure> {
    let traces = Traces::new(basics.otlp_endpoint.as_ref()).map_err(|error| internal(&*error))?;
    log::init_beside(traces.layer(), basics.log, Level::INFO).map_err(|error| internal(&error))?;
    Ok(traces)
}

fn internal(error: &dyn std::error::Error) -> Failure {
    Failure { exit: 1, message: error.to_string() }
}

/// Ready when the first signal to stop arrives; a second one ends the process at once.
fn stopping(
    health: Health,
    stopped: CancellationToken,
) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        let mut told = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        told().await;
        tracing::info!("Stopping: no new requests, and those in flight finish.");
        health.stop();
        stopped.cancel();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::error!("Told to stop twice: operations under way are left to recovery.");
            #[expect(clippy::exit, reason = "the second signal asks for exactly this")]
            std::process::exit(1);
        });
    })
}

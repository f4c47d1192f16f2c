//! Starting and stopping the server.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use clap::Parser;
use clap::builder::{OsStringValueParser, TypedValueParser};
use oss_core::config::{CommonConfig, Config, ConfigError, Sources, path};
#[cfg(feature = "sandbox")]
use oss_core::sandbox::Sandbox;
use oss_core::{Oss, StartError, log};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::Level;

use crate::access::{Access, ClientLimits};
use crate::routes::{docs, routers};
use crate::serve::{self, ConnectionLimit, KeysAndCertificates, Reload, Serving, Watched};
use crate::state::Health;
use crate::telemetry::{Metrics, Traces};

/// The connections of operators: probes and scrapers, a few at a time, and each for one request.
const ADMIN_CONNECTIONS: usize = 100;

/// The life of a phone number between an MVNE and Sigan, Vivo's number inventory, over HTTP.
#[derive(Debug, Parser)]
#[command(name = "oss-server", version)]
pub struct Args {
    /// Where to listen [default: 127.0.0.1:8080] [env: `OSS_LISTEN`].
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// A file of settings, in TOML.
    #[arg(long, value_name = "FILE", env = "OSS_CONFIG", value_parser = OsStringValueParser::new().map(|text| path(&text)))]
    config: Option<PathBuf>,
    /// Work on a sandbox in memory: SQLite and a mock of Sigan.
    #[arg(long, hide = cfg!(not(feature = "sandbox")))]
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
    let sources = Sources::from_env().with_file(args.config.clone()).with_listen(args.listen);
    let told_to_reload = signal(SignalKind::hangup()).map_err(|error| internal(&error))?;
    let client_file = Watched::now(sources.file.clone());
    let (basics, config) = configured(&args, &sources)?;
    let metrics = Metrics::install().map_err(|error| internal(&error))?;
    let traces = tell(&basics)?;
    let access = Arc::new(access(&args, &basics)?);
    let server = &basics.server;
    let tls_files = Watched::of_tls(server.tls.as_ref());
    let tls = server.tls.as_ref().map(serve::tls).transpose().map_err(|error| refused(error.to_string()))?;

    let oss = connect(&basics, config.as_ref()).await?;
    let health = Health::default();
    let limit = server.concurrent_requests;
    let routers =
        routers(oss.clone(), health.clone(), metrics, &access, limit, server.admin_listen.is_some());
    let places = ConnectionLimit::for_callers(server.connections);
    let service = listen(server.listen, routers.service, places, tls.clone()).await?;
    let admin = match server.admin_listen.zip(routers.admin) {
        Some((address, router)) => {
            Some(listen(address, router, ConnectionLimit::for_operators(ADMIN_CONNECTIONS), None).await?)
        }
        None => None,
    };
    let stop = stopping(health, server.drain).map_err(|error| internal(&error))?;
    let files = KeysAndCertificates {
        clients: access.has_keys().then_some((sources, access)),
        client_file,
        tls: server.tls.clone().zip(tls),
        tls_files,
    };
    let reload = Reload { told: told_to_reload, files }.start().map_err(|error| internal(&error))?;
    oss.sweep_in_background();
    oss.count_in_background();
    tracing::info!(
        address = %service.address,
        admin = admin.as_ref().map(|admin| tracing::field::display(admin.address)),
        docs = %docs_url(service.address, server.tls.is_some()),
        sandbox = args.sandbox,
        "Listening."
    );

    tokio::select! {
        () = stop => {}
        never = reload => match never {},
    }
    service.stop(oss.longest_operation()).await;
    // Operations whose callers are gone are still under way.
    oss.shutdown().await;
    if let Some(admin) = admin {
        admin.stop(Duration::ZERO).await;
    }
    traces.end().await;
    tracing::info!("Stopped.");
    Ok(())
}

/// The URL of the documentation. A server that listens on every address is named by this machine's own.
fn docs_url(mut address: SocketAddr, over_tls: bool) -> String {
    if address.ip().is_unspecified() {
        let this_machine =
            if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        address.set_ip(this_machine);
    }
    let scheme = if over_tls { "https" } else { "http" };
    format!("{scheme}://{address}{}", docs::PATH)
}

/// What the server is told. The sandbox needs no more than the basics.
fn configured(args: &Args, sources: &Sources) -> Result<(CommonConfig, Option<Config>), ConfigError> {
    if args.sandbox {
        return Ok((CommonConfig::load(sources)?, None));
    }
    let config = Config::load(sources)?;
    Ok((config.common.clone(), Some(config)))
}

async fn connect(basics: &CommonConfig, config: Option<&Config>) -> Result<Oss, Failure> {
    match config {
        Some(config) => Ok(Oss::connect(config).await?),
        None => sandbox(basics).await,
    }
}

#[cfg(feature = "sandbox")]
async fn sandbox(basics: &CommonConfig) -> Result<Oss, Failure> {
    Ok(Sandbox::in_memory(basics).await?.oss().clone())
}

#[cfg(not(feature = "sandbox"))]
#[expect(clippy::unused_async, reason = "it takes the place of one that waits")]
async fn sandbox(_: &CommonConfig) -> Result<Oss, Failure> {
    Err(refused(
        "this program was built without its sandbox; leave out --sandbox, or build it with `--features sandbox`",
    ))
}

/// Who may call. Nobody is let in by the lack of a setting.
fn access(
    args: &Args,
    basics @ CommonConfig { server, clients, .. }: &CommonConfig,
) -> Result<Access, Failure> {
    let rate = server.requests_per_second;
    let limits = ClientLimits {
        requests_per_second: rate,
        concurrent_requests: server.concurrent_requests,
        share: basics.settings.client_share,
    };
    match (clients.is_empty(), args.allow_anonymous) {
        (false, false) => Ok(Access::clients(clients.clone(), limits)),
        (false, true) => Err(refused(
            "clients are configured, so --allow-anonymous cannot be meant; leave out one of them",
        )),
        (true, false) if !args.sandbox => Err(refused(
            "no clients are configured, so anyone who reaches this server could reserve numbers; put the lines that \
             `oss keys new NAME` prints into the file that --config names, or start with --allow-anonymous if something \
             in front of it admits callers",
        )),
        (true, _) => Access::anyone(rate).map_err(|error| internal(&error)),
    }
}

async fn listen(
    address: SocketAddr,
    router: Router,
    places: ConnectionLimit,
    tls: Option<RustlsConfig>,
) -> Result<Serving, Failure> {
    let listener = TcpListener::bind(address).await;
    let serving = listener.and_then(|listener| Serving::start(listener, router, places, tls));
    serving.map_err(|error| refused(format!("cannot listen on {address}: {error}")))
}

/// From now on what happens is told: in the log, and in traces.
fn tell(basics: &CommonConfig) -> Result<Traces, Failure> {
    let traces = Traces::new(basics.otlp_endpoint.as_ref()).map_err(|error| internal(&*error))?;
    log::init_with_layer(traces.layer(), basics.log, Level::INFO).map_err(|error| internal(&error))?;
    Ok(traces)
}

fn internal(error: &dyn std::error::Error) -> Failure {
    Failure { exit: 1, message: error.to_string() }
}

/// What the configuration says cannot be done.
fn refused(message: impl Into<String>) -> Failure {
    Failure { exit: 2, message: message.into() }
}

/// Comes to its end when no more connections are to be taken: where a supervisor says so, once load balancers have had time
/// to see that the server is not ready, and at once where a person does. A second signal ends the process.
fn stopping(health: Health, drain: Duration) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut told = async move || {
        tokio::select! {
            _ = terminate.recv() => drain,
            _ = interrupt.recv() => Duration::ZERO,
        }
    };
    Ok(async move {
        let drain = told().await;
        health.stop();
        tokio::spawn(async move {
            told().await;
            tracing::error!("Told to stop twice: operations under way are left to recovery.");
            #[expect(clippy::exit, reason = "the second signal asks for exactly this")]
            std::process::exit(1);
        });
        if !drain.is_zero() {
            tracing::info!(?drain, "Not ready any more; load balancers are given time to notice.");
            tokio::time::sleep(drain).await;
        }
        tracing::info!("Stopping: no new requests, and those in flight finish.");
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_an_address_that_a_browser_opens() {
        for (listening, over_tls, url) in [
            ("127.0.0.1:8080", false, "http://127.0.0.1:8080/docs"),
            ("0.0.0.0:8443", true, "https://127.0.0.1:8443/docs"),
            ("[::]:8080", false, "http://[::1]:8080/docs"),
            ("10.0.0.11:80", false, "http://10.0.0.11:80/docs"),
        ] {
            assert_eq!(docs_url(listening.parse().unwrap(), over_tls), url);
        }
    }
    #[cfg(not(feature = "sandbox"))]
    #[tokio::test]
    async fn a_server_without_its_sandbox_says_so() {
        let failure = run(Args::parse_from(["oss-server", "--sandbox"])).await.unwrap_err();
        assert_eq!(failure.exit, 2);
        assert!(failure.message.contains("without its sandbox"), "{failure:?}");
    }
}

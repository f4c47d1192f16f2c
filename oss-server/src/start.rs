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
use oss_core::sandbox::Sandbox;
use oss_core::{Oss, StartError, log};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::Level;

use crate::access::{Access, ClientLimits};
use crate::request_span;
use crate::routes::{RouterOptions, docs, routers};
use crate::serve::{self, ConnectionLimit, ReloadedFiles, Serving, Watched};
use crate::state::Health;
use crate::telemetry::{Metrics, Traces};

/// The most connections of operators. Probes and scrapers open a few at a time, each for one request.
const ADMIN_CONNECTIONS: usize = 100;

/// The life of a phone number between an MVNE and Sigan, Vivo's number inventory, over HTTP.
#[derive(Debug, Parser)]
#[command(name = "oss-server", version)]
pub struct Args {
    /// The address to listen on [default: 127.0.0.1:8080] [env: `OSS_LISTEN`].
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

/// The reason why the server did not start or did not stop well.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The exit code: 2 for the configuration, 6 for the database, 1 for anything else.
    pub exit: u8,
    /// The fault, and what to do about it.
    pub message: String,
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let exit = match error {
            StartError::Config(_) | StartError::NoSandbox => 2,
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

/// Serves until a signal stops it, then finishes the requests in flight.
///
/// # Errors
///
/// [`Failure`] if it cannot start.
pub async fn run(args: Args) -> Result<(), Failure> {
    if args.sandbox && cfg!(not(feature = "sandbox")) {
        return Err(StartError::NoSandbox.into());
    }
    let sources = Sources::from_env().with_file(args.config.clone()).with_listen(args.listen);
    let hangup = signal(SignalKind::hangup()).map_err(|error| internal(&error))?;
    let config_file = Watched::now(sources.file.clone());
    let (common, config) = load_config(&args, &sources)?;
    let metrics = Metrics::install().map_err(|error| internal(&error))?;
    let traces = start_telemetry(&common)?;
    let access = Arc::new(access(&args, &common)?);
    let server = &common.server;
    let tls_files = Watched::of_tls(server.tls.as_ref());
    let tls =
        server.tls.as_ref().map(serve::load_tls).transpose().map_err(|error| refused(error.to_string()))?;

    let oss = connect(&common, config.as_ref()).await?;
    let health = Health::default();
    let mut options = RouterOptions::new(server.concurrent_requests);
    options.apart = server.admin_listen.is_some();
    options.console = server.console;
    options.over_tls = server.tls.is_some();
    let routers = routers(oss.clone(), health.clone(), metrics, &access, options);
    let connections = ConnectionLimit::for_callers(server.connections);
    let service = listen(server.listen, routers.service, connections, tls.clone()).await?;
    let admin = match server.admin_listen.zip(routers.admin) {
        Some((address, router)) => {
            Some(listen(address, router, ConnectionLimit::for_operators(ADMIN_CONNECTIONS), None).await?)
        }
        None => None,
    };
    let stop = stop_signal(health, server.drain).map_err(|error| internal(&error))?;
    oss.deliver_in_background_to(common.webhooks).map_err(|error| internal(&error))?;
    let files = ReloadedFiles {
        sources,
        config_file,
        clients: access.has_keys().then_some(access),
        oss: oss.clone(),
        tls: server.tls.clone().zip(tls),
        tls_files,
    };
    let reload = files.reload(hangup).map_err(|error| internal(&error))?;
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
    // Operations may still run although their callers are gone.
    oss.shutdown().await;
    if let Some(admin) = admin {
        admin.stop(Duration::ZERO).await;
    }
    traces.end().await;
    tracing::info!("Stopped.");
    Ok(())
}

/// The URL of the documentation. It has the loopback address if the server listens on every address.
fn docs_url(mut address: SocketAddr, over_tls: bool) -> String {
    if address.ip().is_unspecified() {
        let this_machine =
            if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        address.set_ip(this_machine);
    }
    let scheme = if over_tls { "https" } else { "http" };
    format!("{scheme}://{address}{}", docs::PATH)
}

/// Loads the settings. The sandbox needs only the common ones.
fn load_config(args: &Args, sources: &Sources) -> Result<(CommonConfig, Option<Config>), ConfigError> {
    if args.sandbox {
        return Ok((CommonConfig::load(sources)?, None));
    }
    let config = Config::load(sources)?;
    Ok((config.common.clone(), Some(config)))
}

async fn connect(common: &CommonConfig, config: Option<&Config>) -> Result<Oss, Failure> {
    if let Some(config) = config {
        return Ok(Oss::connect(config).await?);
    }
    let sandbox = Sandbox::in_memory(common).await?;
    sandbox.install_profiles().await;
    Ok(sandbox.oss().clone())
}

/// Decides who may call. A missing setting lets nobody in.
fn access(
    args: &Args,
    common @ CommonConfig { server, clients, .. }: &CommonConfig,
) -> Result<Access, Failure> {
    let rate = server.requests_per_second;
    let limits = ClientLimits::new(rate, server.concurrent_requests, common.settings.client_share);
    match (clients.is_empty(), args.allow_anonymous) {
        (false, false) => Ok(Access::clients(clients.clone(), limits)),
        (false, true) => {
            Err(refused("clients are configured, so --allow-anonymous has no meaning; remove one of them"))
        }
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
    connections: ConnectionLimit,
    tls: Option<RustlsConfig>,
) -> Result<Serving, Failure> {
    let listener = TcpListener::bind(address).await;
    let serving = listener.and_then(|listener| Serving::start(listener, router, connections, tls));
    serving.map_err(|error| refused(format!("cannot listen on {address}: {error}")))
}

/// Starts the log and the traces.
fn start_telemetry(common: &CommonConfig) -> Result<Traces, Failure> {
    let traces = Traces::new(common.otlp_endpoint.as_ref()).map_err(|error| internal(&*error))?;
    log::init_with_layer(traces.layer(), request_span::make_for_line, common.log, Level::INFO)
        .map_err(|error| internal(&error))?;
    if common.otlp_endpoint.is_none() {
        request_span::make_only_for_lines();
    }
    Ok(traces)
}

fn internal(error: &dyn std::error::Error) -> Failure {
    Failure { exit: 1, message: error.to_string() }
}

/// A failure whose cause is the configuration.
fn refused(message: impl Into<String>) -> Failure {
    Failure { exit: 2, message: message.into() }
}

/// Returns a future that ends when the server has to stop taking connections. If a supervisor stops it (SIGTERM), load balancers
/// first get the time `drain` to see that the server is not ready. If a person does (SIGINT), it ends at once. A second signal
/// ends the process.
fn stop_signal(
    health: Health,
    drain: Duration,
) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut wait_for_signal = async move || {
        tokio::select! {
            _ = terminate.recv() => drain,
            _ = interrupt.recv() => Duration::ZERO,
        }
    };
    Ok(async move {
        let drain = wait_for_signal().await;
        health.stop();
        tokio::spawn(async move {
            wait_for_signal().await;
            tracing::error!(
                "A second signal stops the server at once; recovery settles the operations in flight."
            );
            #[expect(clippy::exit, reason = "the second signal asks for exactly this")]
            std::process::exit(1);
        });
        if !drain.is_zero() {
            tracing::info!(?drain, "Not ready any more; waiting until load balancers have noticed.");
            tokio::time::sleep(drain).await;
        }
        tracing::info!("Stopping: finishing the requests in flight and taking no new ones.");
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
        // A fault of a setting would hide it.
        let args = Args::parse_from(["oss-server", "--sandbox", "--config", "/does/not/exist.toml"]);
        let failure = run(args).await.unwrap_err();
        assert_eq!(failure.exit, 2);
        assert!(failure.message.contains("without its sandbox"), "{failure:?}");
    }
}

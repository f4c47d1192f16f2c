//! `oss sigan-mock`: the mock of Sigan alone, on its plain face, which may run for days.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use oss_core::sigan::mock::{Behaviour, Inventory, SiganMock, serve};
use tokio::net::TcpListener;

use crate::exit::Failure;
use crate::status_line::tell;

pub(crate) async fn run(
    listen: SocketAddr,
    latency: Duration,
    fail_rate: f64,
    lose_rate: f64,
) -> Result<ExitCode, Failure> {
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| Failure::usage(format!("cannot listen on {listen}: {error}")))?;
    let address = listener.local_addr().map_err(Failure::internal)?;
    let mock = SiganMock::new(Inventory::new(&format!("PR{}", std::process::id())));
    mock.behave(Behaviour { latency, fail_rate, lose_rate });
    tell(&format!("Sigan's mock listens on http://{address}"));
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    serve(mock, listener, interrupted).await.map_err(Failure::internal)?;
    Ok(ExitCode::SUCCESS)
}

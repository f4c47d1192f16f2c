//! `oss-server`: the service over HTTP.

use std::process::ExitCode;

use clap::Parser;
use oss_server::{Args, run};

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print_error(&failure.message);
            ExitCode::from(failure.exit)
        }
    }
}

#[expect(clippy::print_stderr, reason = "a server that cannot start may have no log yet")]
fn print_error(message: &str) {
    eprintln!("error: {message}");
}

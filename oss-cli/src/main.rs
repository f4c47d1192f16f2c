//! `oss`: the life of a phone number, for operators.
//!
//! Translates arguments into one call of the library, and its answer into a table or JSON. No rule about numbers lives here.

mod args;
mod commands;
mod exit;
mod output;
mod session;

use std::process::ExitCode;

use crate::output::Output;

fn main() -> ExitCode {
    let args = match args::parse(std::env::args_os()) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    let output = Output::new(args.globals.output, args.globals.sandbox);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output.failure(&exit::Failure::internal(format!("no runtime: {error}"))),
    };
    match runtime.block_on(session::run(args, output)) {
        Ok(code) => code,
        Err(failure) => output.failure(&failure),
    }
}

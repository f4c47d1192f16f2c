//! `oss`: the life of a phone number, for operators.
//!
//! Translates arguments into one call of the library, and its answer into a table or JSON. No rule about numbers lives here.

mod args;
mod calls;
mod commands;
mod examples;
mod exit;
mod form;
mod interruption;
mod output;
mod prompt;
mod sandbox;
mod server;
mod service;
mod session;
mod status_line;
mod usage;

use std::process::ExitCode;

use crate::exit::Failure;
use crate::output::Output;

fn main() -> ExitCode {
    let line: Vec<_> = std::env::args_os().collect();
    let args = match args::parse(&line) {
        Ok(args) => args,
        Err(error) if error.use_stderr() && form::requested_form(&line).is_for_programs() => {
            return Output::new(form::requested_form(&line), "oss").write_failure(&Failure::from(&error));
        }
        Err(error) => error.exit(),
    };
    let output = Output::new(args.globals.output, args.globals.program());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return output.write_failure(&Failure::internal(format!("cannot start the runtime: {error}")));
        }
    };
    let code =
        runtime.block_on(session::run(args, output)).unwrap_or_else(|failure| output.write_failure(&failure));
    // A person who interrupts a command does not wait for the work that is still under way.
    runtime.shutdown_background();
    code
}

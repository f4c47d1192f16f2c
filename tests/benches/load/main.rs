//! `cargo bench -p oss-tests --bench load`: compares the service with a floor that does only the necessary work.
#![expect(clippy::print_stdout, reason = "a program for a person at a terminal")]

mod suite;

use std::process::Command;
use std::time::Duration;

use clap::Parser;

use self::suite::{Options, run, tables};

/// Measures the service under load. Options follow after `--`: `cargo bench -p oss-tests --bench load -- --json`.
#[derive(Debug, Parser)]
struct Args {
    /// Write JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Seconds for each operation in each round.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Measure with ten thousand, a million and ten million stored numbers too, and an audit and a sweep at scale. This takes minutes,
    /// and 10 GB of disk.
    #[arg(long)]
    growth: bool,
    /// The counts of stored numbers to measure with instead.
    #[arg(long, value_delimiter = ',', requires = "growth", default_value = "10000,1000000,10000000")]
    sizes: Vec<u64>,
    /// Ignored. Cargo gives this flag to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    build_binaries();
    let options = Options {
        rounds: 3,
        connections: 64,
        time: Duration::from_secs(args.seconds),
        slow: (2000, Duration::from_secs(5)),
        embedded: 3000,
        sizes: if args.growth { args.sizes } else { Vec::new() },
        scale: (1_250_000, 10_000),
    };
    let report = run(&options).await;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).expect("figures are JSON"));
    } else {
        println!("{}", tables(&report));
    }
    assert_eq!(report.errors(), 0, "figures of a run with errors mean nothing");
}

/// Builds the release build of the server and the command line, because cargo builds only the bench's own package. The bench's package
/// is built in the same command, so that both use the same build of their dependencies.
fn build_binaries() {
    let packages =
        ["-p", "oss-server", "-p", "oss-cli", "-p", "oss-tests", "--bin", "oss-server", "--bin", "oss"];
    let built = Command::new(env!("CARGO")).args(["build", "--quiet", "--release"]).args(packages).status();
    assert!(built.expect("cargo runs").success(), "the binaries are not built");
}

//! Runs the simulation of any seeds: `oss-simulate 1000` runs those from 0 to 999, `oss-simulate --seed 7` runs one.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a person at a terminal")]

use std::collections::BTreeMap;
use std::ops::Range;
use std::process::ExitCode;

use oss_tests::simulation::run;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(seeds) = seeds(&arguments) else {
        eprintln!("usage: tests/simulate SEEDS | FIRST..END | --seed N");
        return ExitCode::from(2);
    };
    let (mut operations, mut failed, mut seen) = (0, Vec::new(), BTreeMap::<&str, u64>::new());
    for seed in seeds.clone() {
        let run = run(seed);
        operations += run.operations;
        for (what, times) in run.seen {
            *seen.entry(what).or_default() += times;
        }
        if !run.violations.is_empty() {
            println!("seed {seed}: {:#?}", run.violations);
            failed.push(seed);
        }
    }
    println!("{seen:#?}");
    println!("seeds {seeds:?}: {operations} operations, {} seeds failed {failed:?}", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn seeds(arguments: &[String]) -> Option<Range<u64>> {
    match arguments {
        [flag, seed] if flag == "--seed" => seed.parse().ok().map(|seed| seed..seed + 1),
        [count] => match count.split_once("..") {
            Some((first, end)) => Some(first.parse().ok()?..end.parse().ok()?),
            None => Some(0..count.parse().ok()?),
        },
        _ => None,
    }
}

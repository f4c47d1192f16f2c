//! The whole service, simulated with sixty seeds. `tests/simulate` runs any number.

use std::collections::BTreeMap;
use std::thread;

use oss_tests::simulation::{Run, run};

/// Rare events. A run of many seeds must meet each of them, or it has not tested the difficult cases.
const RARE: [&str; 36] = [
    "a SIM was issued",
    "a SIM was replaced",
    "a call had no answer",
    "a failover lost a row",
    "a failover lost an order",
    "a late reserve took effect",
    "a late reserve was barred",
    "a number was given back",
    "a line was ended",
    "a number was put on a line",
    "a release was repeated",
    "a request to GSIM was doubled",
    "a request was doubled",
    "a stray hold was given to its customer",
    "a stray hold was planted",
    "an answer of GSIM was lost",
    "an answer of Sigan was lost",
    "an audit released a stray hold",
    "an audit was done",
    "an instance died",
    "an instance slept beyond its lease",
    "another brand did not find the number",
    "credentials were refused",
    "credentials were refused after the effect",
    "Sigan was cut off",
    "the answer of the database was lost",
    "the database was cut off",
    "database-unavailable",
    "no-numbers-left",
    "outcome-unknown",
    "preview-expired",
    "reservation-given-up",
    "sigan-busy",
    "sigan-unreachable",
    "sim-outcome-unknown",
    "unusual rows were left",
];

const SEEDS: u64 = 60;

/// The number of seeds that run at the same time. Each run stays on its thread.
const AT_ONCE: usize = 3;

#[test]
fn no_number_is_lost_or_given_twice() {
    let runs: Vec<Run> = thread::scope(|scope| {
        let share = |first: usize| (0..SEEDS).skip(first).step_by(AT_ONCE).map(run).collect::<Vec<_>>();
        let threads: Vec<_> = (0..AT_ONCE).map(|first| scope.spawn(move || share(first))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a run ends")).collect()
    });
    let mut seen = BTreeMap::new();
    for Run { seed, violations, seen: here, .. } in runs {
        assert_eq!(violations, [""; 0], "to see it again: tests/simulate --seed {seed}");
        for (what, times) in here {
            *seen.entry(what).or_insert(0) += times;
        }
    }
    let missing: Vec<_> = RARE.iter().filter(|what| !seen.contains_key(**what)).collect();
    assert!(missing.is_empty(), "never met: {missing:?} in {seen:#?}");
}

#[test]
fn a_seed_repeats_its_run() {
    let story = run(4711);
    assert_eq!(story.violations, [""; 0], "to see it again: tests/simulate --seed 4711");
    assert_eq!(story, run(4711));
}

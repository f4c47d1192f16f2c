//! The protocols, tried in every order of events. With all safeguards nothing goes wrong. Without any one of them something does.
//!
//! `cargo test -p oss-tests --test model -- --nocapture` prints the shortest way to the violation that each safeguard prevents.

mod orders;
mod reservations;

use std::fmt::Debug;

use oss_tests::model::Exploration;

/// Checks that nothing went wrong, that every sight occurred, and that at least this many states were visited.
fn assert_nothing_wrong<V: Debug, S: Debug + PartialEq>(
    found: &Exploration<V, S>,
    states: usize,
    sights: &[S],
) {
    if let Some(trace) = &found.violation {
        panic!("{trace}");
    }
    report(found);
    assert!(found.states >= states, "only {} states", found.states);
    assert!(found.at_rest > 0, "nothing ever comes to rest");
    for sight in sights {
        assert!(found.sights.contains(sight), "never seen: {sight:?}");
    }
}

/// Checks that it went wrong in this way.
fn assert_violation<V: Debug + PartialEq, S>(found: &Exploration<V, S>, violation: &V) {
    report(found);
    let Some(trace) = &found.violation else { panic!("nothing goes wrong") };
    assert_eq!(trace.violation, *violation, "{trace}");
}

#[expect(clippy::print_stdout, reason = "shown with --nocapture only")]
fn report<V: Debug, S>(found: &Exploration<V, S>) {
    println!("{} states, {} of them at rest", found.states, found.at_rest);
    if let Some(trace) = &found.violation {
        println!("{trace}");
    }
}

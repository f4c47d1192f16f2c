//! Runs the load bench for a moment. It must work, and the floor must execute the statements of the service. Speed is not tested.

#[path = "../../benches/load/suite/mod.rs"]
mod suite;

use std::time::Duration;

use self::suite::{Options, run, tables};

#[tokio::test(flavor = "multi_thread")]
async fn the_bench_measures_every_operation_and_its_floor() {
    let options = Options {
        rounds: 1,
        connections: 4,
        time: Duration::from_millis(100),
        slow: (20, Duration::from_millis(200)),
        embedded: 5,
        sizes: vec![10_000, 20_000],
        scale: (5_000, 100),
    };
    let report = run(&options).await;
    assert_eq!(report.errors(), 0, "{report:#?}");
    for row in report.operations.iter().chain(&report.one_caller) {
        let rates = [row.service, row.floor, row.plain].map(|figures| figures.per_second);
        assert!(rates.iter().all(|rate| *rate > 0.0), "{row:?}");
    }
    let tables = tables(&report);
    assert!(tables.contains("| create preview |"), "{tables}");
    show(&tables);
}

#[expect(clippy::print_stdout, reason = "shown with --nocapture only")]
fn show(tables: &str) {
    println!("{tables}");
}

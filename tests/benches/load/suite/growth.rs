//! Compares the operations with few and with many stored numbers, and measures a sweep that finds a thousand due rows.

pub(crate) mod fill;

use std::time::Instant;

use oss_core::Oss;
use oss_core::config::{Config, Sources};
use oss_tests::backend::Database;
use serde::Serialize;

use super::client::Drive;
use super::figures::{Figures, median, middle};
use super::operations::{Operation, Shop};
use super::parts::Parts;

/// The number of due rows that the sweep finds.
const DUE: u64 = 1000;

/// A database of one size, under load.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Size {
    pub(crate) numbers: u64,
    pub(crate) operations: Vec<Grown>,
    /// The time of a sweep that gives a thousand abandoned numbers back and releases each in Sigan.
    pub(crate) sweep_seconds: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Grown {
    pub(crate) operation: Operation,
    pub(crate) figures: Figures,
    /// Requests per second compared with the smallest size: the median of the ratios of the rounds.
    pub(crate) ratio: f64,
}

const OPERATIONS: [Operation; 4] =
    [Operation::Create, Operation::Reserve, Operation::Random, Operation::Release];

pub(crate) async fn measure(parts: &Parts, sizes: &[u64], rounds: usize, drive: Drive) -> Vec<Size> {
    let mut shops = Vec::new();
    for numbers in sizes {
        let database = Database::on(&parts.postgres).await;
        fill::fill(database.url(), *numbers).await.expect("the numbers are loaded");
        shops.push(Shop::new(parts.server_on(database).await));
    }
    let mut runs = vec![vec![Vec::new(); OPERATIONS.len()]; sizes.len()];
    for _ in 0..rounds {
        for (operation, at) in OPERATIONS.into_iter().zip(0..) {
            for (shop, runs) in shops.iter().zip(&mut runs) {
                let measured: &mut Vec<Figures> = &mut runs[at];
                measured.push(shop.measure(operation, drive).await);
            }
        }
    }
    let smallest = runs[0].clone();
    let mut measured = Vec::new();
    for ((numbers, shop), runs) in sizes.iter().zip(shops).zip(runs) {
        let grown = OPERATIONS.into_iter().zip(runs).zip(&smallest);
        let operations = grown.map(|((operation, runs), few)| grow(operation, &runs, few)).collect();
        let sweep_seconds = sweep(parts, &shop.target.stop(), DUE).await;
        measured.push(Size { numbers: *numbers, operations, sweep_seconds });
    }
    measured
}

fn grow(operation: Operation, runs: &[Figures], few: &[Figures]) -> Grown {
    let ratios = runs.iter().zip(few).map(|(many, few)| many.per_second / few.per_second);
    Grown { operation, figures: middle(runs), ratio: median(ratios) }
}

/// Measures a sweep of the library, because a server would sweep by itself before it is asked to.
pub(crate) async fn sweep(parts: &Parts, database: &Database, due: u64) -> f64 {
    const DUE_NOW: &str = "
        update reservation set due_at = now() - interval '1 minute'
        where id in (select id from reservation where state = 'HELD' limit ";
    let environment = [
        ("OSS_DATABASE_URL", database.url()),
        ("OSS_SIGAN_URL", &parts.sigan_url),
        ("OSS_SIGAN_BRAND_ID", "acme"),
    ];
    let config = Config::load(&Sources::of_environment(environment)).expect("a configuration");
    let oss = Oss::connect(&config).await.expect("its parts are there");
    oss.sweep().await.expect("what the load has left is swept");
    database.execute(&format!("{DUE_NOW}{due})")).await;
    let begun = Instant::now();
    let report = oss.sweep().await.expect("it sweeps");
    let elapsed = begun.elapsed().as_secs_f64();
    assert_eq!((report.expired, report.released), (due, due), "{report:?}");
    elapsed
}

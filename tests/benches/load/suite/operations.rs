//! Measures each operation and its floor one right after the other, because the speed of the machine changes during a run and would
//! change the ratio too.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::Method;
use hyper::body::Bytes;
use oss_tests::floor::Plan;
use oss_tests::load::AREA_CODES;
use serde::Serialize;
use serde_json::Value;

use super::client::{Call, Drive};
use super::figures::{Figures, median, middle};
use super::parts::{Parts, Target};

/// A measured operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Operation {
    Ddd,
    Create,
    Reserve,
    Random,
    Release,
}

impl Operation {
    /// The order in which each operation finds what it needs: previews to reserve from, and numbers to give back.
    pub(crate) const ALL: [Self; 5] = [Self::Ddd, Self::Create, Self::Reserve, Self::Random, Self::Release];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ddd => "DDD look-up",
            Self::Create => "create preview",
            Self::Reserve => "reserve",
            Self::Random => "reserve random",
            Self::Release => "release",
        }
    }
}

/// The figures of an operation and of its floors.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    pub(crate) operation: Operation,
    pub(crate) service: Figures,
    /// The floor that executes the service's statements.
    pub(crate) floor: Figures,
    /// The floor that does what the specification's pseudo-code does.
    pub(crate) plain: Figures,
    /// The requests per second compared with the floor: the median of the ratios of the rounds.
    pub(crate) ratio: f64,
    /// The requests per second compared with the plain floor.
    pub(crate) plain_ratio: f64,
    /// The memory of the server after the operation, in MiB.
    pub(crate) rss_mib: f64,
}

/// A server, and the previews and numbers that it has given so far.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) target: Target,
    previews: Arc<Mutex<VecDeque<String>>>,
    numbers: Arc<Mutex<VecDeque<String>>>,
}

impl Shop {
    pub(crate) fn new(target: Target) -> Self {
        Self { target, previews: Arc::default(), numbers: Arc::default() }
    }

    /// Runs one operation, and waits until its work in the background is done.
    pub(crate) async fn measure(&self, operation: Operation, drive: Drive) -> Figures {
        // PostgreSQL does this itself once a minute. Until then it keeps the plans that it made for the empty tables.
        self.target.database.execute("analyze").await;
        let (next, before) = (self.calls(operation), self.transactions().await);
        let cpu = self.target.cpu();
        let (measured, bodies) = drive.at(&self.target.address, next, Arc::default()).await;
        self.keep(operation, &bodies);
        if operation == Operation::Release {
            let untold = "select count(*) from reservation where state = 'RELEASING'";
            self.target.database.wait_for_count(untold, 0).await;
        }
        measured.figures(self.transactions().await - before, self.target.cpu() - cpu)
    }

    /// The count of writing transactions that PostgreSQL has begun, on any of its databases. Each is one statement.
    async fn transactions(&self) -> i64 {
        self.target.database.count("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint").await
    }

    fn calls(&self, operation: Operation) -> Box<dyn Fn() -> Option<Call> + Send + Sync> {
        match operation {
            Operation::Ddd => Box::new(|| Some(Call::new(Method::GET, "/ddds/11"))),
            Operation::Create => in_turn("/previews"),
            Operation::Random => in_turn("/reservations"),
            Operation::Reserve => {
                let previews = self.previews.clone();
                Box::new(move || {
                    let preview = lock(&previews).pop_front()?;
                    Some(Call::new(Method::PUT, format!("/previews/{preview}/reservations/2")))
                })
            }
            Operation::Release => {
                let numbers = self.numbers.clone();
                Box::new(move || {
                    let number = lock(&numbers).pop_front()?;
                    Some(Call::new(Method::DELETE, format!("/reservations/{number}")))
                })
            }
        }
    }

    fn keep(&self, operation: Operation, bodies: &[Bytes]) {
        let (kept, field) = match operation {
            Operation::Create => (&self.previews, "id"),
            Operation::Reserve | Operation::Random => (&self.numbers, "msisdn"),
            Operation::Ddd | Operation::Release => return,
        };
        let given = bodies.iter().filter_map(|body| {
            let body: Value = serde_json::from_slice(body).ok()?;
            Some(body[field].as_str()?.to_owned())
        });
        lock(kept).extend(given);
    }
}

/// Calls for one area code after another, so that none runs out of numbers.
fn in_turn(path: &'static str) -> Box<dyn Fn() -> Option<Call> + Send + Sync> {
    let turn = AtomicUsize::new(0);
    Box::new(move || {
        let area_code = AREA_CODES[turn.fetch_add(1, Ordering::Relaxed) % AREA_CODES.len()];
        let body = format!(r#"{{"areaCode":"{area_code}"}}"#);
        Some(Call { body, ..Call::new(Method::POST, path) })
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panics while it holds the lock cannot leave a queue half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) async fn measure(parts: &Parts, plan: &Plan, rounds: usize, drive: Drive) -> Vec<Row> {
    let service = Shop::new(parts.server().await);
    let floors = [Shop::new(parts.floor(Some(plan)).await), Shop::new(parts.floor(None).await)];
    let shops = [&service, &floors[0], &floors[1]];
    let mut runs: [Runs; Operation::ALL.len()] = Default::default();
    for round in 0..rounds {
        for (operation, runs) in Operation::ALL.into_iter().zip(&mut runs) {
            // They take turns at being first.
            for at in (0..shops.len()).map(|at| (at + round) % shops.len()) {
                runs.figures[at].push(shops[at].measure(operation, drive).await);
            }
            runs.rss_mib = service.target.rss();
        }
    }
    Operation::ALL.into_iter().zip(runs).map(|(operation, runs)| row(operation, &runs)).collect()
}

/// The runs of one operation.
#[derive(Debug, Default)]
struct Runs {
    /// The figures of the service, of the floor and of the plain floor.
    figures: [Vec<Figures>; 3],
    rss_mib: f64,
}

fn row(operation: Operation, Runs { figures: [service, floor, plain], rss_mib }: &Runs) -> Row {
    let compare = |other: &[Figures]| {
        median(service.iter().zip(other).map(|(service, other)| service.per_second / other.per_second))
    };
    Row {
        operation,
        service: middle(service),
        floor: middle(floor),
        plain: middle(plain),
        ratio: compare(floor),
        plain_ratio: compare(plain),
        rss_mib: *rss_mib,
    }
}

impl Row {
    /// The number of requests without a success.
    pub(crate) fn errors(&self) -> u64 {
        [self.service, self.floor, self.plain].iter().map(|figures| figures.errors).sum()
    }
}

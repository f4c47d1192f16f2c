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

/// The figures of an operation and of its floor.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    pub(crate) operation: Operation,
    pub(crate) service: Figures,
    pub(crate) floor: Figures,
    /// The median of the ratios of the rounds.
    pub(crate) ratio: f64,
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
        let next = self.calls(operation);
        let (measured, bodies) = drive.at(&self.target.address, next, Arc::default()).await;
        self.keep(operation, &bodies);
        if operation == Operation::Release {
            let untold = "select count(*) from reservation where state = 'RELEASING'";
            self.target.database.wait_for_count(untold, 0).await;
        }
        measured.figures()
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
    let (service, floor) = (Shop::new(parts.server().await), Shop::new(parts.floor(plan).await));
    let mut runs: [Vec<(Figures, Figures)>; Operation::ALL.len()] = Default::default();
    let mut memory = [0.0; Operation::ALL.len()];
    for round in 0..rounds {
        for (at, operation) in Operation::ALL.into_iter().enumerate() {
            // They take turns at being first.
            let pair = if round % 2 == 0 {
                let first = service.measure(operation, drive).await;
                (first, floor.measure(operation, drive).await)
            } else {
                let first = floor.measure(operation, drive).await;
                (service.measure(operation, drive).await, first)
            };
            runs[at].push(pair);
            memory[at] = service.target.rss();
        }
    }
    let rows = Operation::ALL.into_iter().zip(runs).zip(memory);
    rows.map(|((operation, runs), rss_mib)| row(operation, runs, rss_mib)).collect()
}

fn row(operation: Operation, runs: Vec<(Figures, Figures)>, rss_mib: f64) -> Row {
    let ratio = median(runs.iter().map(|(service, floor)| service.per_second / floor.per_second));
    let (service, floor): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
    Row { operation, service: middle(&service), floor: middle(&floor), ratio, rss_mib }
}

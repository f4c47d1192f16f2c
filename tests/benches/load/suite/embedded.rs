//! The library on a SQLite file, compared with bare sqlx that executes the same statements in the same transactions.

mod bare;
mod prompt;

use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use oss_core::access::Share;
use oss_core::store::{SqliteStore, SystemClock};
use oss_core::{Choice, Ddd, Oss, PreviewId, Settings};
use oss_tests::backend::Database;
use serde::Serialize;

use self::bare::Bare;
use self::prompt::Prompt;
use super::figures::median;

/// Tasks that work at the same time.
const TASKS: usize = 8;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Embedded {
    pub(crate) operation: &'static str,
    pub(crate) per_second: f64,
    pub(crate) bare_per_second: f64,
    /// The median of the ratios of the rounds.
    pub(crate) ratio: f64,
}

/// Measures `count` of each operation in each round.
pub(crate) async fn measure(rounds: usize, count: usize) -> [Embedded; 2] {
    let mut runs: [Vec<(f64, f64)>; 2] = Default::default();
    for _ in 0..rounds {
        let (ours, theirs) = (Database::sqlite().await, Database::sqlite().await);
        let (oss, bare) = (library(&ours).await, Bare::open(&theirs));
        let (previews, created) = rate(count, |_| create(oss.clone())).await;
        let (offers, created_bare) = rate(count, |_| create_bare(bare.clone())).await;
        let (_, reserved) = rate(count, |at| reserve(oss.clone(), previews[at])).await;
        let (_, reserved_bare) = rate(count, |at| reserve_bare(bare.clone(), offers[at].clone())).await;
        runs[0].push((created, created_bare));
        runs[1].push((reserved, reserved_bare));
    }
    let [created, reserved] = runs;
    [row("create preview", &created), row("reserve", &reserved)]
}

async fn library(database: &Database) -> Oss {
    let clock = Arc::new(SystemClock);
    let store = SqliteStore::open(&database.url().into(), clock).await.expect("the file opens");
    let mut settings = Settings::default();
    settings.client_share = Share::WHOLE;
    settings.draws = None;
    let builder = Oss::builder("acme".parse().expect("a brand")).settings(settings);
    builder.sigan(Arc::new(Prompt::default())).build(Arc::new(store))
}

async fn create(oss: Oss) -> PreviewId {
    let ddd: Ddd = "11".parse().expect("a DDD");
    oss.create_preview(ddd).await.expect("it is created").id
}

async fn reserve(oss: Oss, preview: PreviewId) {
    oss.reserve(preview, Choice::ALL[1]).await.expect("it is reserved");
}

async fn create_bare(bare: Arc<Bare>) -> bare::Offer {
    bare.create().await.expect("it is created")
}

async fn reserve_bare(bare: Arc<Bare>, offer: bare::Offer) {
    bare.reserve(&offer).await.expect("it is reserved");
}

/// Does something many times, some at the same time. Returns the results and the rate per second.
#[expect(clippy::cast_precision_loss, reason = "a count of some seconds is far below 2^52")]
async fn rate<T, F>(count: usize, work: impl Fn(usize) -> F) -> (Vec<T>, f64)
where
    F: Future<Output = T>,
{
    let begun = Instant::now();
    let (next, work) = (std::cell::Cell::new(0), &work);
    let tasks = (0..TASKS).map(|_| async {
        let mut done = Vec::new();
        while next.get() < count {
            let at = next.replace(next.get() + 1);
            done.push(work(at).await);
        }
        done
    });
    let done = join_all(tasks).await;
    (done.into_iter().flatten().collect(), count as f64 / begun.elapsed().as_secs_f64())
}

fn row(operation: &'static str, runs: &[(f64, f64)]) -> Embedded {
    Embedded {
        operation,
        per_second: median(runs.iter().map(|(ours, _)| *ours)),
        bare_per_second: median(runs.iter().map(|(_, bare)| *bare)),
        ratio: median(runs.iter().map(|(ours, bare)| ours / bare)),
    }
}

//! Writes to a system all the time, and measures how long no write succeeds.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, interval};

use crate::eventually::eventually;

/// The time between two attempts.
const PAUSE: Duration = Duration::from_millis(100);

/// An attempt that succeeded.
#[derive(Debug, Clone, Copy)]
struct Success {
    begun: Instant,
    ended: Instant,
}

/// The outcomes of all attempts so far.
#[derive(Debug, Default)]
struct Outcomes {
    successes: Vec<Success>,
    last_failure: String,
}

/// A client that attempts to write all the time, until it is dropped.
#[derive(Debug)]
pub struct Writer {
    outcomes: Arc<Mutex<Outcomes>>,
    writing: JoinHandle<()>,
}

impl Writer {
    /// Starts a client with at most so many attempts at the same time. An attempt says why it failed.
    pub fn start<A: Future<Output = Result<(), String>> + Send + 'static>(
        most: usize,
        attempt: impl Fn() -> A + Send + 'static,
    ) -> Self {
        let outcomes = Arc::<Mutex<Outcomes>>::default();
        let recorded = outcomes.clone();
        let writing = tokio::spawn(async move {
            let (mut attempts, mut ticks) = (JoinSet::new(), interval(PAUSE));
            loop {
                ticks.tick().await;
                while attempts.try_join_next().is_some() {}
                if attempts.len() < most {
                    attempts.spawn(record(attempt(), recorded.clone()));
                }
            }
        });
        Self { outcomes, writing }
    }

    /// Waits for the success of an attempt that begins after this call.
    pub async fn wait_for_success(&self) {
        let now = Instant::now();
        eventually(async || {
            let outcomes = self.outcomes();
            let has_succeeded = outcomes.successes.iter().any(|success| success.begun > now);
            has_succeeded.then_some(()).ok_or_else(|| outcomes.last_failure.clone())
        })
        .await;
    }

    /// The end of the longest time without a success, counted from `event`. It is the first success after an outage.
    #[must_use]
    pub fn recovered_after(&self, event: Instant) -> Duration {
        let mut ends: Vec<_> = self.outcomes().successes.iter().map(|success| success.ended).collect();
        ends.sort();
        let later = ends.windows(2).filter(|pair| pair[1] > event);
        let longest = later.max_by_key(|pair| pair[1] - pair[0]);
        longest.map(|pair| pair[1] - event).unwrap_or_default()
    }

    fn outcomes(&self) -> MutexGuard<'_, Outcomes> {
        self.outcomes.lock().expect("nobody panics with the outcomes")
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.writing.abort();
    }
}

async fn record(attempt: impl Future<Output = Result<(), String>>, outcomes: Arc<Mutex<Outcomes>>) {
    let begun = Instant::now();
    let outcome = attempt.await;
    let mut outcomes = outcomes.lock().expect("nobody panics with the outcomes");
    match outcome {
        Ok(()) => outcomes.successes.push(Success { begun, ended: Instant::now() }),
        Err(failure) => outcomes.last_failure = failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_longest_outage_is_the_recovery() {
        let begun = Instant::now();
        // Every tenth attempt of a second fails, and later all for two seconds.
        let writer = Writer::start(9, move || async move {
            let elapsed = begun.elapsed();
            let succeeds = elapsed.subsec_millis() >= 100 && !(3..5).contains(&elapsed.as_secs());
            succeeds.then_some(()).ok_or_else(|| "an outage".to_owned())
        });
        tokio::time::sleep(Duration::from_secs(2)).await;
        let event = Instant::now();
        tokio::time::sleep(Duration::from_secs(4)).await;
        writer.wait_for_success().await;
        assert_eq!(writer.recovered_after(event), Duration::from_millis(3100));
    }
}

//! Timing what is done, under what it came to.

use std::fmt;
use std::sync::OnceLock;

use futures::FutureExt;
use metrics::Histogram;
use strum::EnumCount;
use tokio::time::Instant;

use super::names::OPERATION_DURATION;

/// What is said of work that came to a good end.
const DONE: &str = "ok";

/// What is said of work that was given up in the middle.
const UNFINISHED: &str = "unfinished";

/// An operation, as it is called in metrics: the method of [`Oss`](crate::Oss).
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumCount, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Operation {
    CreatePreview,
    Reserve,
    ReserveRandom,
    Release,
    Assign,
    Adopt,
    Number,
    DddExists,
    Brands,
    Models,
    CheckEsim,
    Sweep,
}

/// The operations of one client, counted and timed. The series of those that succeed are looked up once.
#[derive(Default)]
pub(crate) struct Timings {
    done: [OnceLock<Histogram>; Operation::COUNT],
}

impl fmt::Debug for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timings").finish_non_exhaustive()
    }
}

impl Timings {
    /// Does an operation, counted and timed.
    ///
    /// `code` gives the label of an error.
    pub(crate) fn observed<T, E, F>(
        &self,
        operation: Operation,
        code: fn(&E) -> &'static str,
        work: F,
    ) -> impl Future<Output = F::Output> + use<T, E, F>
    where
        F: Future<Output = Result<T, E>>,
    {
        let what = Timed { histogram: OPERATION_DURATION, label: "operation", name: operation.into() };
        let done = self.done[operation as usize].get_or_init(|| what.series(DONE));
        timed(Timer::start(what, Some(done.clone())), code, work)
    }
}

/// What is timed: a histogram, and the label and its value that tell this kind of work from others in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timed {
    pub(super) histogram: &'static str,
    pub(super) label: &'static str,
    pub(super) name: &'static str,
}

impl Timed {
    fn series(self, outcome: &'static str) -> Histogram {
        metrics::histogram!(self.histogram, self.label => self.name, "outcome" => outcome)
    }
}

/// Counts when it is dropped: work is also given up, with its future or in a panic.
pub(super) struct Timer {
    work: Timed,
    /// The series of work that succeeded, where it is known.
    done: Option<Histogram>,
    begun: Instant,
    outcome: &'static str,
}

impl Timer {
    pub(super) fn start(work: Timed, done: Option<Histogram>) -> Self {
        Self { work, done, begun: Instant::now(), outcome: UNFINISHED }
    }

    /// Counts now, under what the work came to.
    fn end(mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let elapsed = self.begun.elapsed();
        match &self.done {
            Some(done) if self.outcome == DONE => done.record(elapsed),
            _ => self.work.series(self.outcome).record(elapsed),
        }
    }
}

/// Does a piece of work, and counts and times it under `ok` or the code of its error.
///
/// No `async fn`: its future would have twice the size of the work's.
pub(super) fn timed<T, E, F>(
    timer: Timer,
    code: impl FnOnce(&E) -> &'static str,
    doing: F,
) -> impl Future<Output = F::Output>
where
    F: Future<Output = Result<T, E>>,
{
    doing.map(move |done| {
        timer.end(done.as_ref().map_or_else(code, |_| DONE));
        done
    })
}

#[cfg(test)]
mod tests {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;

    fn code(error: &&'static str) -> &'static str {
        error
    }

    /// What is counted of a piece of work: the outcomes, a word for each time.
    fn counted(work: impl FnOnce()) -> Vec<String> {
        let recorder = DebuggingRecorder::new();
        metrics::with_local_recorder(&recorder, work);
        let series = recorder.snapshotter().snapshot().into_vec();
        let mut outcomes = Vec::new();
        for (key, _, _, value) in series {
            let DebugValue::Histogram(times) = value else { panic!("{key:?} is no histogram") };
            let outcome = key
                .key()
                .labels()
                .find(|label| label.key() == "outcome")
                .map(|label| label.value().to_owned());
            outcomes.extend(std::iter::repeat_n(outcome.unwrap_or_default(), times.len()));
        }
        outcomes.sort();
        outcomes
    }

    #[test]
    fn work_counts_once_under_what_it_came_to() {
        let outcomes = counted(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                Timings::default().observed(Operation::Brands, code, async { Ok(()) }).await.unwrap();
                Timings::default()
                    .observed(Operation::Brands, code, async { Err::<(), _>("internal") })
                    .await
                    .unwrap_err();
            });
        });
        assert_eq!(outcomes, ["internal", "ok"]);
    }

    #[test]
    fn work_that_is_given_up_counts_too() {
        let outcomes = counted(|| {
            let mut left = Box::pin(Timings::default().observed(
                Operation::Brands,
                code,
                std::future::pending::<Result<(), _>>(),
            ));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(left.as_mut().poll(&mut context).is_pending());
        });
        assert_eq!(outcomes, ["unfinished"]);
    }
}

//! Times work and counts it by its outcome.

use std::sync::OnceLock;

use futures::FutureExt;
use metrics::Histogram;
use strum::EnumCount;
use tokio::time::Instant;

use super::names::OPERATION_DURATION;

/// The outcome of work that succeeded.
const DONE: &str = "ok";

/// The outcome of work that was dropped before its end, or panicked.
const UNFINISHED: &str = "unfinished";

/// An operation. Its name in metrics is that of the method of [`Oss`](crate::Oss).
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumCount, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Operation {
    CreatePreview,
    Reserve,
    ReserveRandom,
    Release,
    ExtendReservation,
    Assign,
    Adopt,
    Number,
    NumberHistory,
    PreviewHistory,
    ListNumbers,
    Search,
    DddExists,
    Brands,
    Models,
    CheckEsim,
    OrderSim,
    ReplaceSim,
    Sim,
    SimHistory,
    CallsOfRequest,
    FindSims,
    ActivationCode,
    RecordProfile,
    EndLine,
    Associations,
    Events,
    Statistics,
    InDoubt,
    Settle,
    Sweep,
}

/// Counts and times the operations of one client. The series of those that succeed are looked up once.
#[derive(Debug, Default)]
pub(crate) struct Timings {
    done: [OnceLock<Histogram>; Operation::COUNT],
}

impl Timings {
    /// Runs an operation, and counts and times it.
    ///
    /// `code` gives the label of an error.
    pub(crate) fn observe<T, E, F>(
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
        run_timed(Timer::start(what, Some(done.clone())), code, work)
    }
}

/// A kind of work: its histogram, and the label and value that distinguish it from other work in that histogram.
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

/// Records the time when it is dropped, because work may also end with its future or in a panic.
pub(super) struct Timer {
    work: Timed,
    /// The series of work that succeeded, if it was looked up before.
    done: Option<Histogram>,
    started: Instant,
    outcome: &'static str,
}

impl Timer {
    pub(super) fn start(work: Timed, done: Option<Histogram>) -> Self {
        Self { work, done, started: Instant::now(), outcome: UNFINISHED }
    }

    /// Records the time now, under this outcome.
    fn end(mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        match &self.done {
            Some(done) if self.outcome == DONE => done.record(elapsed),
            _ => self.work.series(self.outcome).record(elapsed),
        }
    }
}

/// Runs a piece of work, and counts and times it under `ok` or the code of its error.
///
/// This is no `async fn`, because its future would have twice the size of the work's.
pub(super) fn run_timed<T, E, F>(
    timer: Timer,
    code: impl FnOnce(&E) -> &'static str,
    work: F,
) -> impl Future<Output = F::Output>
where
    F: Future<Output = Result<T, E>>,
{
    work.map(move |done| {
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

    /// Runs a piece of work and returns the outcomes that were counted, one word for each.
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
                Timings::default().observe(Operation::Brands, code, async { Ok(()) }).await.unwrap();
                Timings::default()
                    .observe(Operation::Brands, code, async { Err::<(), _>("internal") })
                    .await
                    .unwrap_err();
            });
        });
        assert_eq!(outcomes, ["internal", "ok"]);
    }

    #[test]
    fn work_that_is_given_up_counts_too() {
        let outcomes = counted(|| {
            let mut left = Box::pin(Timings::default().observe(
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

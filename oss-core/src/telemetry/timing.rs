//! Timing what is done, under what it came to.

use tokio::time::Instant;

use super::names::OPERATION_DURATION;
use crate::error::Error;

/// What is said of work that was given up in the middle.
const UNFINISHED: &str = "unfinished";

/// An operation, as it is called in metrics: the method of [`Oss`](crate::Oss).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    CreatePreview,
    Reserve,
    ReserveRandom,
    Release,
    Assign,
    Number,
    DddExists,
    Brands,
    Models,
    CheckEsim,
    Sweep,
}

impl Operation {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::CreatePreview => "create_preview",
            Self::Reserve => "reserve",
            Self::ReserveRandom => "reserve_random",
            Self::Release => "release",
            Self::Assign => "assign",
            Self::Number => "number",
            Self::DddExists => "ddd_exists",
            Self::Brands => "brands",
            Self::Models => "models",
            Self::CheckEsim => "check_esim",
            Self::Sweep => "sweep",
        }
    }
}

/// What is timed: a histogram, and the label and its value that tell this kind of work from others in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timed {
    pub(super) histogram: &'static str,
    pub(super) label: &'static str,
    pub(super) name: &'static str,
}

/// Counts when it is dropped: work is also given up, with its future or in a panic.
struct Timer {
    work: Timed,
    begun: Instant,
    outcome: &'static str,
}

impl Drop for Timer {
    fn drop(&mut self) {
        let Timed { histogram, label, name } = self.work;
        metrics::histogram!(histogram, label => name, "outcome" => self.outcome).record(self.begun.elapsed());
    }
}

/// Does a piece of work, and counts and times it under `ok` or the code of its error.
pub(crate) async fn timed<T, E>(
    work: Timed,
    code: impl FnOnce(&E) -> &'static str,
    doing: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let mut timer = Timer { work, begun: Instant::now(), outcome: UNFINISHED };
    let done = doing.await;
    timer.outcome = done.as_ref().map_or_else(code, |_| "ok");
    done
}

/// Does an operation, counted and timed.
pub(crate) async fn observed<T>(
    operation: Operation,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let timer = Timed { histogram: OPERATION_DURATION, label: "operation", name: operation.as_str() };
    timed(timer, Error::code, work).await
}

#[cfg(test)]
mod tests {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;

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
                observed(Operation::Brands, async { Ok(()) }).await.unwrap();
                observed(Operation::Brands, async { Err::<(), _>(Error::Internal) }).await.unwrap_err();
            });
        });
        assert_eq!(outcomes, ["internal", "ok"]);
    }

    #[test]
    fn work_that_is_given_up_counts_too() {
        let outcomes = counted(|| {
            let mut left = Box::pin(observed(Operation::Brands, std::future::pending::<Result<(), _>>()));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(left.as_mut().poll(&mut context).is_pending());
        });
        assert_eq!(outcomes, ["unfinished"]);
    }
}

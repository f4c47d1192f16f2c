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

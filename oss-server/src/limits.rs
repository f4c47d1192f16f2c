//! Limits how many requests are served at once, and for how long. The limits of one client are in [`access`](crate::access).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use axum::response::IntoResponse;
use metrics::Counter;
use oss_core::access::ClientLimit;
use oss_core::telemetry::names::LOAD_SHED;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

use crate::problem::{OVERLOADED, Problem, TOO_SLOW};

/// The longest body that is read, in bytes. The bodies of the contract have under a hundred.
pub(crate) const LONGEST_BODY: usize = 16 * 1024;

/// The longest body of an operation on many numbers, in bytes.
pub(crate) const LONGEST_BULK_BODY: usize = 64 * 1024;

/// The longest that a body may take to arrive.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(10);

/// The time that a request may take beyond its operation: to be read, to wait for the database, to be answered.
const BEYOND_THE_OPERATION: Duration = Duration::from_secs(15);

/// The routes whose work has no longest time: a sweep settles everything that is due, and a settlement asks Sigan and GSIM in turn.
const UNHURRIED: [&str; 3] = ["/sweeps", "/reservations/{msisdn}/settlement", "/console/numbers/{msisdn}"];

/// The requests that may be served at the same time, and the longest that one may take.
#[derive(Debug)]
pub(crate) struct Load {
    slots: Arc<Semaphore>,
    longest: Duration,
    shed: Counter,
}

impl Load {
    pub(crate) fn new(requests: usize, longest_operation: Duration) -> Self {
        let shed = metrics::counter!(LOAD_SHED, "limit" => ClientLimit::Requests.name());
        // An alert needs the series before the first request that finds no slot.
        shed.increment(0);
        let longest = longest_operation + BEYOND_THE_OPERATION;
        Self { slots: Arc::new(Semaphore::new(requests)), longest, shed }
    }

    /// Answers a request to a route if there is a slot for it, and gives it up if it takes too long. Its operation goes on.
    pub(crate) fn limit<F>(&self, route: &str, answer: F) -> Limited<F> {
        let slot = self.slots.clone().try_acquire_owned().ok();
        if slot.is_none() {
            self.shed.increment(1);
        }
        let longest = if UNHURRIED.contains(&route) { Duration::MAX } else { self.longest };
        Limited { answer, slot, is_unlimited: false, longest, timer: None }
    }
}

/// The future of an answer within the limits. It is written by hand, so that it needs no box: the timer has one, but most answers
/// are ready before there is a timer.
#[derive(Debug)]
pub(crate) struct Limited<F> {
    answer: F,
    slot: Option<OwnedSemaphorePermit>,
    is_unlimited: bool,
    longest: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<F> Limited<F> {
    /// An answer without limits.
    pub(crate) fn unlimited(answer: F) -> Self {
        Self { answer, slot: None, is_unlimited: true, longest: Duration::MAX, timer: None }
    }
}

impl<F, E> Future for Limited<F>
where
    F: Future<Output = Result<Response<Body>, E>> + Unpin,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if self.slot.is_none() && !self.is_unlimited {
            return Poll::Ready(Ok(overloaded().into_response()));
        }
        let answer = Pin::new(&mut self.answer).poll(cx);
        if answer.is_pending() && !self.is_unlimited {
            let longest = self.longest;
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(longest)));
            return timer.as_mut().poll(cx).map(|()| Ok(too_slow().into_response()));
        }
        answer
    }
}

fn overloaded() -> Problem {
    Problem::new(OVERLOADED, "this server already serves as many requests as it can; try again")
        .retry_after(Duration::from_secs(1))
}

fn too_slow() -> Problem {
    tracing::error!("A request took longer than its operation can.");
    Problem::new(
        TOO_SLOW,
        "the request took too long; it may have had an effect, so repeat it or read the current state",
    )
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::pending;

    use axum::http::StatusCode;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_longer_than_it_can_is_answered() {
        let load = Load::new(1, Duration::from_secs(20));
        let answer = load.limit("/previews", pending::<Result<_, Infallible>>());
        let answer = timeout(Duration::from_hours(1), answer).await.expect("it is given up").unwrap();
        assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(load.slots.available_permits(), 1, "its slot is free again");
        let sweep = load.limit("/sweeps", pending::<Result<_, Infallible>>());
        assert!(timeout(Duration::from_hours(1), sweep).await.is_err(), "a sweep takes as long as it must");
    }
}

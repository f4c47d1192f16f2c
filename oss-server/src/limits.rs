//! How much is served at once, and for how long. What one client may ask for is in [`access`](crate::access).

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use axum::response::IntoResponse;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::problem::{OVERLOADED, Problem, TOO_SLOW};

/// The longest body that is read, in bytes. Those of the contract have under a hundred.
pub(crate) const LONGEST_BODY: usize = 16 * 1024;

/// The longest that a body may take to arrive.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(10);

/// What a request may take beyond its operation: to be read, to wait for the database, to be answered.
const BESIDE_THE_OPERATION: Duration = Duration::from_secs(15);

/// The requests that may be served at the same time, and the longest that one may take.
#[derive(Debug)]
pub(crate) struct Load {
    places: Semaphore,
    longest: Duration,
}

impl Load {
    pub(crate) fn new(places: usize, longest_operation: Duration) -> Self {
        Self { places: Semaphore::new(places), longest: longest_operation + BESIDE_THE_OPERATION }
    }

    /// Answers where there is a place, and gives the request up when it takes too long. Its operation goes on.
    pub(crate) async fn bounded<E>(
        &self,
        answer: impl Future<Output = Result<Response<Body>, E>>,
    ) -> Result<Response<Body>, E> {
        let Ok(_place) = self.places.try_acquire() else {
            return Ok(overloaded().into_response());
        };
        timeout(self.longest, answer).await.unwrap_or_else(|_| Ok(too_slow().into_response()))
    }
}

fn overloaded() -> Problem {
    Problem::new(OVERLOADED, "this server has as much to do as it can; come back")
        .retry_after(Duration::from_secs(1))
}

fn too_slow() -> Problem {
    tracing::error!("A request took longer than its operation can.");
    Problem::new(TOO_SLOW, "the request took too long; it may have had an effect, so repeat it or look")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::pending;

    use axum::http::StatusCode;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_longer_than_it_can_is_answered() {
        let load = Load::new(1, Duration::from_secs(20));
        let answer = load.bounded(pending::<Result<_, Infallible>>());
        let answer = timeout(Duration::from_hours(1), answer).await.expect("it is given up").unwrap();
        assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(load.places.available_permits(), 1, "its place is free again");
    }
}

//! The mock as a wiremock server: for tests and the sandbox.
//!
//! wiremock asks a matcher, then a responder, for each request, under one lock. The matcher of the first mock runs the state
//! machine, once; that mock answers where the connection is to be cut, and leaves the answer to the second one otherwise.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;
use wiremock::matchers::any;
use wiremock::{Match, Mock, MockServer, Request, Respond, ResponseTemplate};

use super::{Answer, SiganMock};

/// A mock that is being served. Dropping it stops the server.
pub struct RunningSigan {
    mock: SiganMock,
    server: MockServer,
}

impl std::fmt::Debug for RunningSigan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningSigan").field("address", self.server.address()).finish_non_exhaustive()
    }
}

impl Deref for RunningSigan {
    type Target = SiganMock;

    fn deref(&self) -> &SiganMock {
        &self.mock
    }
}

impl RunningSigan {
    pub(super) async fn start(mock: SiganMock) -> Self {
        let server = MockServer::builder().disable_request_recording().start().await;
        let answer = Arc::new(Mutex::new(None));
        let run = Run { mock: mock.clone(), answer: answer.clone() };
        let cut = |_: &Request| std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        Mock::given(run).respond_with_err(cut).with_priority(1).mount(&server).await;
        Mock::given(any()).respond_with(Prepared { answer }).with_priority(2).mount(&server).await;
        Self { mock, server }
    }

    /// Where it is served.
    ///
    /// # Panics
    ///
    /// Never: the address of a listening socket makes a URL.
    #[must_use]
    pub fn url(&self) -> Url {
        self.server.uri().parse().expect("an address of a socket makes a URL")
    }
}

/// The answer to the request that is being matched.
type Prepare = Arc<Mutex<Option<Answer>>>;

/// Runs the state machine; matches where the connection is to be cut.
struct Run {
    mock: SiganMock,
    answer: Prepare,
}

impl Match for Run {
    fn matches(&self, request: &Request) -> bool {
        let query = request.url.query().unwrap_or_default();
        let answer = self.mock.answer(&request.method, request.url.path(), query, &request.body);
        let cut = answer.response.is_none();
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        cut
    }
}

/// Gives the answer that was prepared.
struct Prepared {
    answer: Prepare,
}

impl Respond for Prepared {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        match answer {
            Some(Answer { response: Some(response), delay }) => ResponseTemplate::new(response.status)
                .set_body_raw(response.body, "application/json")
                .set_delay(delay),
            // The matcher of the first mock always runs before.
            _ => ResponseTemplate::new(500),
        }
    }
}

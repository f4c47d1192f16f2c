//! A mock as a wiremock server, for tests and the sandbox.
//!
//! For each request wiremock runs a matcher and then a responder, under one lock. The matcher of the first mock runs the state
//! machine once. If the connection is to be cut, the first mock answers; otherwise the second one does.

use std::ops::Deref;
use std::sync::Arc;

use parking_lot::Mutex;
use url::Url;
use wiremock::matchers::any;
use wiremock::{Match, Mock, MockServer, Request, Respond, ResponseTemplate};

use super::{Answer, MockedSystem, Sent};

/// Clients read at most 100 headers.
const TOO_MANY: usize = 101;

/// A mock that is being served. The server stops when this is dropped.
#[derive(Debug)]
pub struct Running<M> {
    mock: M,
    server: MockServer,
}

impl<M> Deref for Running<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.mock
    }
}

impl<M: MockedSystem> Running<M> {
    pub(crate) async fn start(mock: M) -> Self {
        let server = MockServer::builder().disable_request_recording().start().await;
        let answer = Arc::new(Mutex::new(None));
        let run = Run { mock: mock.clone(), answer: answer.clone() };
        let cut = |_: &Request| std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        Mock::given(run).respond_with_err(cut).with_priority(1).mount(&server).await;
        Mock::given(any()).respond_with(Prepared { answer }).with_priority(2).mount(&server).await;
        Self { mock, server }
    }

    /// The address at which it is served.
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

/// Runs the state machine, and matches if the connection is to be cut.
struct Run<M> {
    mock: M,
    answer: Prepare,
}

impl<M: MockedSystem> Match for Run<M> {
    fn matches(&self, request: &Request) -> bool {
        let query = request.url.query().unwrap_or_default();
        let answer = self.mock.answer(&request.method, request.url.path(), query, &request.body);
        let is_cut = matches!(answer.sent, Sent::Nothing);
        *self.answer.lock() = Some(answer);
        is_cut
    }
}

/// Gives the answer that [`Run`] prepared.
struct Prepared {
    answer: Prepare,
}

impl Respond for Prepared {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let answer = self.answer.lock().take();
        match answer {
            Some(Answer { sent: Sent::Whole(response), delay }) => ResponseTemplate::new(response.status)
                .set_body_raw(response.body, "application/json")
                .set_delay(delay),
            // wiremock answers whole or not at all, so the part is a head with more headers than a client reads.
            Some(Answer { sent: Sent::Part, delay }) => ResponseTemplate::new(200)
                .append_headers((0..TOO_MANY).map(|at| (format!("x-part-{at}"), "")))
                .set_delay(delay),
            // The matcher of the first mock always runs first and prepares an answer.
            _ => ResponseTemplate::new(500),
        }
    }
}

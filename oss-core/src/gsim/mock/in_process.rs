//! The mock without a server: a client that hands its requests over in this process.
//!
//! It needs no socket, so it also works while tokio's time is paused. Its requests and answers are those of the wire.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{sleep, timeout};
use url::form_urlencoded;

use super::{Answer, GsimMock, MockedSystem, Sent};
use crate::gsim::GsimClient;
use crate::gsim::client::{Carried, Carry, Outgoing};
use crate::http::Received;

/// A carrier of requests to a mock in this process.
#[derive(Debug)]
pub struct InProcess {
    mock: GsimMock,
    /// The longest that one call may take.
    call: Duration,
}

impl GsimMock {
    /// A client of this GSIM whose calls take at most this long.
    #[must_use]
    pub fn client(&self, call: Duration) -> GsimClient<InProcess> {
        GsimClient::over(InProcess { mock: self.clone(), call })
    }
}

impl InProcess {
    async fn receive(&self, request: &Outgoing) -> Received {
        let path = format!("/{}", request.path.join("/"));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&request.query).finish();
        let body = request.body.as_deref().unwrap_or_default();
        let Answer { sent, delay } = self.mock.answer(&request.method, &path, &query, body);
        if timeout(self.call, sleep(delay)).await.is_err() {
            return Received::TimedOut;
        }
        match sent {
            Sent::Whole(response) => Received::Answer { status: response.status, body: response.body },
            Sent::Part | Sent::Nothing => Received::Lost,
        }
    }
}

#[async_trait]
impl Carry for InProcess {
    async fn carry_question(&self, request: &Outgoing) -> Received {
        self.receive(request).await
    }

    async fn carry(&self, request: &Outgoing) -> Carried {
        Carried { received: self.receive(request).await, is_repeated: false }
    }
}

//! A light client. It keeps connections alive and sends one request at a time on each. It drives both the service and the floor,
//! because on two cores its own cost is part of every figure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::figures::Measured;

/// A request to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// The body, as JSON. There is no body if it is empty.
    pub(crate) body: String,
}

impl Call {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: String::new() }
    }
}

/// An open connection.
struct Connection {
    address: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server accepts connections");
        stream.set_nodelay(true).expect("an open socket has options");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("the server speaks HTTP");
        // An error of the connection is also the error of the request on it.
        tokio::spawn(connection);
        Self { address: address.to_owned(), sender }
    }

    /// Sends a request, and returns the body of a success; none for anything else.
    async fn send(&mut self, call: &Call) -> Option<Bytes> {
        let answer = self.try_send(call).await;
        if self.sender.is_closed() {
            *self = Self::open(&self.address).await;
        }
        answer
    }

    async fn try_send(&mut self, call: &Call) -> Option<Bytes> {
        let mut request =
            Request::builder().method(call.method.clone()).uri(&call.path).header("host", "oss");
        if !call.body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::from(call.body.clone())).expect("a call is a request");
        self.sender.ready().await.ok()?;
        let response = self.sender.send_request(request).await.ok()?;
        let succeeded = response.status().is_success();
        let body = response.into_body().collect().await.ok()?.to_bytes();
        succeeded.then_some(body)
    }
}

/// The load on a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drive {
    /// The number of connections, each with one request at a time.
    pub(crate) connections: usize,
    /// The time for which new requests are sent.
    pub(crate) time: Duration,
    /// The pause of a connection after each answer.
    pub(crate) rest: Duration,
}

impl Drive {
    /// Sends calls until the time is over, no calls are left, or `enough` is set. Returns the bodies of the answers too.
    pub(crate) async fn at(
        self,
        address: &str,
        next: impl Fn() -> Option<Call> + Send + Sync + 'static,
        enough: Arc<AtomicBool>,
    ) -> (Measured, Vec<Bytes>) {
        let connections = join_all((0..self.connections).map(|_| Connection::open(address))).await;
        let (next, begun) = (Arc::new(next), Instant::now());
        let workers =
            connections.into_iter().map(|connection| {
                let (next, enough) = (next.clone(), enough.clone());
                tokio::spawn(self.work(connection, begun, move || {
                    if enough.load(Ordering::Relaxed) { None } else { next() }
                }))
            });
        let workers = join_all(workers.collect::<Vec<_>>()).await;
        let elapsed = begun.elapsed();
        let (mut all, mut bodies) = (Measured { elapsed, ..Measured::default() }, Vec::new());
        for worker in workers {
            let (measured, answered) = worker.expect("no connection panics");
            all.absorb(measured);
            bodies.extend(answered);
        }
        (all, bodies)
    }

    async fn work(
        self,
        mut connection: Connection,
        begun: Instant,
        next: impl Fn() -> Option<Call>,
    ) -> (Measured, Vec<Bytes>) {
        let (mut measured, mut bodies) = (Measured::default(), Vec::new());
        while begun.elapsed() < self.time
            && let Some(call) = next()
        {
            let sent = Instant::now();
            let answer = connection.send(&call).await;
            measured.record(sent.elapsed(), answer.is_some());
            bodies.extend(answer.filter(|body| !body.is_empty()));
            if !self.rest.is_zero() {
                tokio::time::sleep(self.rest).await;
            }
        }
        (measured, bodies)
    }
}

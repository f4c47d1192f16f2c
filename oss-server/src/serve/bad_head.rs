//! The answers to request heads that cannot be read.
//!
//! hyper answers these itself, before any route is reached: 400 if a head is not HTTP, 431 if it is too long, both without a
//! body. It closes the connection afterwards. This wrapper stands between hyper and the connection, above TLS, and gives those
//! two answers the body that every error has.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use axum_server::accept::Accept;
use futures::TryFutureExt;
use futures::future::MapOk;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use uuid::Uuid;

use crate::problem::{HEAD_TOO_LARGE, MALFORMED_HEAD, Problem};

/// The header with which hyper says that its own answers have no body.
const NO_BODY: &str = "content-length: 0\r\n";

/// Accepts connections as `A` does, and explains hyper's own answers on them.
#[derive(Debug, Clone)]
pub(super) struct ExplainBadHeads<A>(pub(super) A);

impl<A, I, S> Accept<I, S> for ExplainBadHeads<A>
where
    A: Accept<I, S>,
{
    type Stream = ExplainedStream<A::Stream>;
    type Service = A::Service;
    type Future = MapOk<A::Future, fn((A::Stream, A::Service)) -> (Self::Stream, A::Service)>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let explain: fn((A::Stream, A::Service)) -> _ =
            |(stream, service)| (ExplainedStream { stream, unsent: Bytes::new() }, service);
        self.0.accept(stream, service).map_ok(explain)
    }
}

/// A connection on which hyper's own answers are explained.
#[derive(Debug)]
pub(super) struct ExplainedStream<S> {
    stream: S,
    /// The unsent rest of an answer that replaced hyper's own.
    unsent: Bytes,
}

impl<S: AsyncWrite + Unpin> ExplainedStream<S> {
    /// Sends the answer that replaced hyper's own. Hyper believes that its own was sent.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.unsent))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let _ = self.unsent.split_to(sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ExplainedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ExplainedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(cx))?;
        let Some(answer) = explain(bytes) else { return Pin::new(&mut self.stream).poll_write(cx, bytes) };
        self.unsent = answer.into();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // Hyper writes its own answers in one piece.
        if let [only] = bytes {
            return self.poll_write(cx, only);
        }
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Returns the answer that replaces `written`, and logs it, if `written` is one of hyper's own answers.
fn explain(written: &[u8]) -> Option<Vec<u8>> {
    let problem = problem_of(written)?;
    let head = std::str::from_utf8(written).ok()?;
    // Each answer of a route has a body and the id of its request. Hyper's own answers have neither, and are one whole head.
    let head = head.strip_suffix("\r\n\r\n").filter(|head| !head.contains("\r\n\r\n"))?;
    let (before, after) = head.split_once(NO_BODY)?;
    let id = Uuid::now_v7();
    tracing::info!(%id, status = problem.status().as_u16(), "Request head refused.");
    let body = problem.json(Some(id));
    let more = format!(
        "content-type: application/problem+json\r\ncontent-length: {}\r\ncache-control: no-store\r\nx-request-id: {id}",
        body.len()
    );
    Some([before.as_bytes(), after.as_bytes(), b"\r\n", more.as_bytes(), b"\r\n\r\n", &body].concat())
}

fn problem_of(written: &[u8]) -> Option<Problem> {
    // The status follows the last digit of the version.
    match written.strip_prefix(b"HTTP/1.")?.get(1..6)? {
        b" 400 " => Some(Problem::new(
            MALFORMED_HEAD,
            "the head of the request is not HTTP/1.1; look at its first line and its headers",
        )),
        b" 431 " => Some(Problem::new(
            HEAD_TOO_LARGE,
            "the head of the request is longer than 16 KiB, or has too many headers",
        )),
        _ => None,
    }
}

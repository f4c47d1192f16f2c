//! Limits the number of open connections. Each connection has one of the slots.

use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::accept::Accept;
use metrics::{Counter, Gauge, gauge};
use oss_core::telemetry::names::{CONNECTIONS_REFUSED, HTTP_CONNECTIONS, HTTP_CONNECTIONS_LIMIT};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_io_timeout::TimeoutWriter;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The longest that a client may take to receive a part of an answer.
const SLOW_READER: Duration = Duration::from_secs(30);

/// The time without a refusal after which the next refusal is logged again.
const QUIET: Duration = Duration::from_mins(1);

/// The connections that may be open at the same time.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimit {
    slots: Slots,
    refusals: Arc<Refusals>,
    open: Gauge,
}

/// The slots of a listener, and what it does if all are taken.
#[derive(Debug, Clone)]
enum Slots {
    /// Closes the new connection.
    CloseNew(Arc<Semaphore>),
    /// Closes the oldest connection.
    CloseOldest(Arc<Newest>),
}

impl ConnectionLimit {
    /// Returns the limit for callers. If all slots are taken, a new connection is closed at once, because the older ones carry
    /// requests.
    pub(crate) fn for_callers(connections: usize) -> Self {
        let slots = Slots::CloseNew(Arc::new(Semaphore::new(connections)));
        Self::new("service", connections, slots)
    }

    /// Returns the limit for operators. If all slots are taken, the oldest connection is closed, so that idle connections never
    /// keep a probe out. Each connection serves one request there, so the oldest has had the most time for it.
    pub(crate) fn for_operators(connections: usize) -> Self {
        let newest = Newest { limit: connections, open: Mutex::default() };
        Self::new("admin", connections, Slots::CloseOldest(Arc::new(newest)))
    }

    fn new(listener: &'static str, connections: usize, slots: Slots) -> Self {
        // At most 100000, so it is exact.
        let limit = u32::try_from(connections).unwrap_or(u32::MAX);
        gauge!(HTTP_CONNECTIONS_LIMIT, "listener" => listener).set(limit);
        let open = gauge!(HTTP_CONNECTIONS, "listener" => listener);
        open.set(0);
        Self { slots, refusals: Arc::new(Refusals::of(listener)), open }
    }

    fn take(&self) -> io::Result<Slot> {
        match &self.slots {
            Slots::CloseNew(slots) => {
                let permit = slots.clone().try_acquire_owned().map_err(|_| {
                    self.refusals.record();
                    io::Error::other("too many connections are open")
                })?;
                Ok(Slot::Permit(permit))
            }
            Slots::CloseOldest(newest) => {
                let (slot, closed) = Newest::take(newest);
                if closed {
                    self.refusals.record();
                }
                Ok(slot)
            }
        }
    }
}

impl<S> Accept<TcpStream, S> for ConnectionLimit {
    type Stream = LimitedStream;
    type Service = S;
    type Future = Ready<io::Result<(LimitedStream, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(LimitedStream::new(stream, self).map(|limited| (limited, service)))
    }
}

/// Counts the connections that are closed because too many are open, and logs the first of a burst.
#[derive(Debug)]
struct Refusals {
    listener: &'static str,
    count: Counter,
    last: Mutex<Option<Instant>>,
}

impl Refusals {
    fn of(listener: &'static str) -> Self {
        let count = metrics::counter!(CONNECTIONS_REFUSED, "listener" => listener);
        // An alert needs the series before the first refusal.
        count.increment(0);
        Self { listener, count, last: Mutex::default() }
    }

    fn record(&self) {
        self.count.increment(1);
        if self.record_time() {
            tracing::warn!(
                listener = self.listener,
                "Too many connections are open, so some are closed. The metric {CONNECTIONS_REFUSED} counts them."
            );
        }
    }

    /// Records the time of a refusal. Returns whether it is the first after [`QUIET`] without any.
    fn record_time(&self) -> bool {
        let now = Instant::now();
        let before = self.last.lock().replace(now);
        before.is_none_or(|before| now.duration_since(before) >= QUIET)
    }
}

/// The open connections of a listener, the oldest first: at most `limit`.
#[derive(Debug)]
struct Newest {
    limit: usize,
    open: Mutex<VecDeque<Arc<CancellationToken>>>,
}

impl Newest {
    /// Takes a slot for a new connection. Returns also whether the oldest one was closed for it.
    fn take(newest: &Arc<Self>) -> (Slot, bool) {
        let token = Arc::new(CancellationToken::new());
        let mut open = newest.open.lock();
        let oldest = if open.len() < newest.limit { None } else { open.pop_front() };
        open.push_back(token.clone());
        drop(open);
        if let Some(oldest) = &oldest {
            oldest.cancel();
        }
        let closed = Box::pin(token.as_ref().clone().cancelled_owned());
        (Slot::UntilClosed(Registered { token, closed, among: newest.clone() }), oldest.is_some())
    }
}

/// The slot of one connection.
#[derive(Debug)]
enum Slot {
    /// The permit, which is kept as long as the connection is open.
    Permit(#[expect(dead_code, reason = "its drop frees the slot")] OwnedSemaphorePermit),
    /// Cancelled if a newer connection needs the slot.
    UntilClosed(Registered),
}

#[derive(Debug)]
struct Registered {
    token: Arc<CancellationToken>,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    among: Arc<Newest>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.among.open.lock().retain(|token| !Arc::ptr_eq(token, &self.token));
    }
}

/// A connection that has a slot.
#[derive(Debug)]
pub(crate) struct LimitedStream {
    stream: Pin<Box<TimeoutWriter<TcpStream>>>,
    slot: Slot,
    _open: Open,
}

/// Counts a connection as open until it is dropped.
#[derive(Debug)]
struct Open(Gauge);

impl Open {
    fn begin(gauge: &Gauge) -> Self {
        gauge.increment(1);
        Self(gauge.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

impl LimitedStream {
    fn new(stream: TcpStream, limit: &ConnectionLimit) -> io::Result<Self> {
        let slot = limit.take()?;
        stream.set_nodelay(true)?;
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(SLOW_READER));
        Ok(Self { stream: Box::pin(stream), slot, _open: Open::begin(&limit.open) })
    }

    /// Fails if the slot was taken away. Otherwise the reading or writing task is woken when that happens.
    fn check_slot(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let Slot::UntilClosed(registered) = &mut self.slot else { return Ok(()) };
        match registered.closed.as_mut().poll(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => {
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, "a newer connection needs the slot"))
            }
        }
    }
}

impl AsyncRead for LimitedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_slot(cx)?;
        self.stream.as_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for LimitedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check_slot(cx)?;
        self.stream.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_slot(cx)?;
        self.stream.as_mut().poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_refusals_is_logged_once() {
        let refusals = Refusals::of("service");
        assert!(refusals.record_time());
        for _ in 0..3 {
            tokio::time::advance(QUIET / 2).await;
            assert!(!refusals.record_time());
        }
        tokio::time::advance(QUIET).await;
        assert!(refusals.record_time());
    }

    #[tokio::test]
    async fn the_slot_of_the_oldest_connection_goes_to_a_newer_one() {
        let newest = Arc::new(Newest { limit: 2, open: Mutex::default() });
        let take = || Newest::take(&newest);
        let ((oldest, _), (second, _)) = (take(), take());
        drop(second);
        let (third, closed) = take();
        assert!(!closed, "a slot was free");
        let (fourth, closed) = take();
        assert!(closed);
        let is_closed =
            |slot: &Slot| matches!(slot, Slot::UntilClosed(registered) if registered.token.is_cancelled());
        assert_eq!([&oldest, &third, &fourth].map(is_closed), [true, false, false]);
    }
}

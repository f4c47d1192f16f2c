//! An audit that is answered while it runs, for the pages and for programs.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Bytes;
use futures::Stream;
use futures::future::BoxFuture;
use oss_core::{AuditOptions, AuditReport, Error, Found, Oss};
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;

use crate::problem::{AUDIT_IN_FLIGHT, Problem};
use crate::state::Shared;

/// The form of the age of numbers and holds that an audit skips.
pub(crate) const EXPECTED_AGE: &str = "a number of seconds from 0 to 86400";

/// The end of an audit; none if the server stops before it.
pub(crate) type AuditEnd = Option<Result<AuditReport, Error>>;

/// Writes the parts of an answer.
pub(crate) trait AuditWriter: Send + Sync + 'static {
    /// The text of an event of the audit.
    fn found(&self, event: &Found) -> String;

    /// The text of its end.
    fn end(&self, end: AuditEnd) -> String;
}

/// The parts of the answer. The audit goes on only as fast as its caller reads them, so that they do not pile up. It ends if its caller
/// leaves, or if the server stops.
pub(crate) struct AuditStream {
    writer: Arc<dyn AuditWriter>,
    /// Parts that were written and not sent yet.
    unsent: Arc<Mutex<VecDeque<String>>>,
    /// None after the end.
    audit: Option<BoxFuture<'static, AuditEnd>>,
    _permit: OwnedSemaphorePermit,
}

impl AuditStream {
    /// Begins an audit, if none runs on this server.
    pub(crate) fn begin(
        state: &Shared,
        oss: Oss,
        options: AuditOptions,
        writer: impl AuditWriter,
    ) -> Result<Self, Problem> {
        let Ok(permit) = state.audit.clone().try_acquire_owned() else {
            return Err(Problem::new(
                AUDIT_IN_FLIGHT,
                "an audit runs on this server already; wait for its end",
            ));
        };
        let health = state.health.clone();
        let (unsent, writer) = (Arc::default(), Arc::new(writer) as Arc<dyn AuditWriter>);
        let (sink, text): (Arc<Mutex<VecDeque<String>>>, _) = (Arc::clone(&unsent), writer.clone());
        let audit = async move {
            let audit = oss.audit(options, |event| sink.lock().push_back(text.found(&event)));
            health.until_stopping(audit).await
        };
        Ok(Self { writer, unsent, audit: Some(Box::pin(audit)), _permit: permit })
    }

    fn pop(&self) -> Option<Bytes> {
        self.unsent.lock().pop_front().map(Bytes::from)
    }
}

impl Stream for AuditStream {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(part) = this.pop() {
            return Poll::Ready(Some(Ok(part)));
        }
        let Some(audit) = &mut this.audit else { return Poll::Ready(None) };
        if let Poll::Ready(end) = audit.as_mut().poll(cx) {
            this.audit = None;
            this.unsent.lock().push_back(this.writer.end(end));
        }
        this.pop().map_or(Poll::Pending, |part| Poll::Ready(Some(Ok(part))))
    }
}

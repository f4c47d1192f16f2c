//! Collects the records of calls to Sigan and GSIM, and writes many with one statement.
//!
//! A caller that waits for the answer of a call does not wait for its record. If the process is killed, the latest records are lost:
//! they are history, and the row of the attempt has the state. While the database cannot take them, the latest are kept and the oldest
//! are dropped.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use metrics::counter;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use crate::domain::{CallId, NewCall};
use crate::remote::{EndedCall, RecordCall};
use crate::store::{Store, StoreError};
use crate::telemetry::names::UPSTREAM_CALLS_DROPPED;

/// The most records that wait to be written.
const MOST: usize = 20_000;

/// The most records of one statement.
const BATCH: usize = 1_000;

/// The time for which the first record waits for others.
const GATHER: Duration = Duration::from_millis(500);

/// The longest pause after a failure. It doubles with each failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The shortest time between two warnings, because the records may fail for as long as the database role lacks a privilege.
const QUIET: Duration = Duration::from_mins(10);

/// Takes the records of the calls of one client, and writes them. Cheap to clone; every clone is the same recorder.
#[derive(Debug, Clone)]
pub(crate) struct CallRecorder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Arc<dyn Store>,
    queue: Mutex<Queue>,
    /// One statement runs at a time, so that who waits for it knows that all earlier records are written.
    writing: tokio::sync::Mutex<()>,
    warned_at: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Queue {
    calls: VecDeque<(CallId, EndedCall)>,
    /// How many records were written or dropped before the first one that waits.
    gone: u64,
    /// Whether a task is going to write.
    has_writer: bool,
}

impl Queue {
    /// Adds a record. Returns whether the oldest one was dropped for it.
    fn push(&mut self, id: CallId, call: EndedCall) -> bool {
        self.calls.push_back((id, call));
        let is_too_long = self.calls.len() > MOST;
        if is_too_long {
            self.remove_until(self.gone + 1);
        }
        is_too_long
    }

    /// The count of all records so far.
    fn end(&self) -> u64 {
        self.gone + count(self.calls.len())
    }

    /// The oldest records and the count of all records up to them, unless that many were gone before.
    fn first_before(&self, last: u64) -> Option<(u64, Vec<NewCall>)> {
        let calls: Vec<_> = self.calls.iter().take(BATCH).map(new_call).collect();
        (self.gone < last).then(|| (self.gone + count(calls.len()), calls))
    }

    /// Removes the oldest records up to a count of all records.
    fn remove_until(&mut self, end: u64) {
        while self.gone < end && self.calls.pop_front().is_some() {
            self.gone += 1;
        }
    }
}

impl CallRecorder {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        // An alert or a panel needs the series before the first loss.
        counter!(UPSTREAM_CALLS_DROPPED).increment(0);
        Self(Arc::new(Shared {
            store,
            queue: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            warned_at: Mutex::default(),
        }))
    }

    /// Writes every record of a call that has ended. If that fails, it warns now and then, and the records are tried again later.
    pub(crate) async fn write(&self) {
        let _ = self.0.write().await;
    }
}

impl RecordCall for CallRecorder {
    fn record(&self, call: EndedCall) {
        let id = CallId::new();
        let mut queue = self.0.queue.lock();
        let has_dropped = queue.push(id, call);
        let needs_writer = !std::mem::replace(&mut queue.has_writer, true);
        drop(queue);
        if has_dropped {
            counter!(UPSTREAM_CALLS_DROPPED).increment(1);
        }
        if needs_writer {
            tokio::spawn(Writer { shared: Arc::downgrade(&self.0), has_ended: false }.run());
        }
    }
}

impl Shared {
    /// Writes the records that wait now. Those that come meanwhile may wait for the next time.
    async fn write(&self) -> Result<(), StoreError> {
        let _writing = self.writing.lock().await;
        let last = self.queue.lock().end();
        // The lock is released at once, because the store is called in between.
        let first = || self.queue.lock().first_before(last);
        while let Some((end, calls)) = first() {
            // The records stay in the queue until they are written, because whoever waits here may stop waiting.
            self.store.record_calls(&calls).await.inspect_err(|error| self.warn(error))?;
            self.queue.lock().remove_until(end);
        }
        Ok(())
    }

    fn warn(&self, error: &StoreError) {
        let mut warned_at = self.warned_at.lock();
        if warned_at.is_none_or(|at| at.elapsed() >= QUIET) {
            *warned_at = Some(Instant::now());
            tracing::warn!(%error, "The latest calls to Sigan and GSIM could not be recorded; operations go on without their history.");
        }
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn new_call((id, call): &(CallId, EndedCall)) -> NewCall {
    NewCall {
        id: *id,
        system: call.system,
        call: call.call,
        subject: call.subject.clone(),
        age: call.sent.elapsed(),
        duration: call.duration,
        outcome: call.outcome,
        origin: call.origin.clone(),
    }
}

/// The task that writes. It ends when no record waits, so that an idle client has none.
struct Writer {
    shared: Weak<Shared>,
    has_ended: bool,
}

impl Writer {
    async fn run(mut self) {
        let mut pause = GATHER;
        while !self.has_ended {
            sleep(pause).await;
            let Some(shared) = self.shared.upgrade() else { return };
            pause = match shared.write().await {
                Ok(()) => GATHER,
                Err(_) => (pause * 2).min(LONGEST_PAUSE),
            };
            let mut queue = shared.queue.lock();
            self.has_ended = queue.calls.is_empty();
            queue.has_writer = !self.has_ended;
        }
    }
}

/// If the task stops early, as it does if its runtime ends, the next record starts another one.
impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade().filter(|_| !self.has_ended) {
            shared.queue.lock().has_writer = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::CallSubject;

    fn push(queue: &mut Queue) -> (CallId, bool) {
        let id = CallId::new();
        let call = EndedCall {
            system: "sigan",
            call: "reserve",
            subject: CallSubject::default(),
            sent: Instant::now(),
            duration: Duration::ZERO,
            outcome: "ok",
            origin: None,
        };
        (id, queue.push(id, call))
    }

    fn oldest(queue: &Queue) -> CallId {
        queue.calls[0].0
    }

    #[test]
    fn the_latest_records_stay_if_nobody_takes_them() {
        let mut queue = Queue::default();
        let pushed: Vec<_> = (0..MOST + 2).map(|_| push(&mut queue)).collect();
        assert_eq!(pushed.iter().filter(|(_, has_dropped)| *has_dropped).count(), 2);
        assert_eq!((queue.calls.len(), oldest(&queue)), (MOST, pushed[2].0), "the oldest two are gone");
    }

    #[test]
    fn no_record_is_removed_before_it_was_written() {
        let mut queue = Queue::default();
        let pushed: Vec<_> = (0..MOST).map(|_| push(&mut queue).0).collect();
        let last = queue.end();
        let (end, written) = queue.first_before(last).unwrap();
        assert_eq!(written.iter().map(|call| call.id).collect::<Vec<_>>(), pushed[..BATCH]);
        // While these are being written, the oldest of them is dropped for a new one.
        let later = push(&mut queue).0;
        queue.remove_until(end);
        assert_eq!(oldest(&queue), pushed[BATCH]);
        while let Some((end, _)) = queue.first_before(last) {
            queue.remove_until(end.min(last));
        }
        assert_eq!((queue.calls.len(), oldest(&queue)), (1, later));
    }
}

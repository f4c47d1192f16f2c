//! Knows the last event that can be read. All who wait for a newer one share one look at the database in a second.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::domain::EventCursor;
use crate::store::{Store, StoreError};

/// The time between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// The place after the last event, which is read again while somebody waits.
#[derive(Debug)]
pub(crate) struct LastEvent {
    store: Arc<dyn Store>,
    /// Locked by the one who looks. The others wait for the result.
    seen: Mutex<Option<(EventCursor, Instant)>>,
}

impl LastEvent {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, seen: Mutex::new(None) }
    }

    /// Waits until an event after a place can be read.
    pub(crate) async fn wait_for_later(&self, place: EventCursor) -> Result<(), StoreError> {
        loop {
            let (last, looked_at) = self.look().await?;
            if last > place {
                return Ok(());
            }
            sleep_until(looked_at + LOOK).await;
        }
    }

    /// Returns what was seen within the last second, or looks.
    async fn look(&self) -> Result<(EventCursor, Instant), StoreError> {
        let mut seen = self.seen.lock().await;
        if let Some((last, looked_at)) = *seen
            && looked_at.elapsed() < LOOK
        {
            return Ok((last, looked_at));
        }
        let looked_at = Instant::now();
        let last = self.store.last_event().await?;
        *seen = Some((last, looked_at));
        Ok((last, looked_at))
    }
}

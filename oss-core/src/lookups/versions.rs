//! Knows the current version of the lists.
//!
//! The versions come from the database, at most every two seconds, and from no cache, because a cache needs them to notice that
//! it is out of date.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use crate::domain::DataVersions;
use crate::store::{Store, StoreError};

/// The age up to which versions are used without asking. An import is noticed after that time, plus one look-up.
const FRESH: Duration = Duration::from_secs(2);

/// The longest wait of a look-up for newer versions than those it has.
const PATIENCE: Duration = Duration::from_secs(1);

/// The versions, which are read again when they get old.
#[derive(Debug)]
pub(crate) struct Versions {
    store: Arc<dyn Store>,
    kept: Mutex<Option<(DataVersions, Instant)>>,
    /// Locked by the one look-up that asks the database.
    asking: tokio::sync::Mutex<()>,
}

impl Versions {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, kept: Mutex::new(None), asking: tokio::sync::Mutex::new(()) }
    }

    /// Returns the current versions. If the database does not answer, returns the last ones that it gave, so that look-ups which
    /// a cache can answer do not need the database.
    pub(crate) async fn current(&self) -> Result<DataVersions, StoreError> {
        match self.kept_within(FRESH) {
            Some(kept) => Ok(kept),
            // Boxed, so that the common case has a small future.
            None => Box::pin(self.refresh()).await,
        }
    }

    async fn refresh(&self) -> Result<DataVersions, StoreError> {
        let _asking = match self.asking.try_lock() {
            Ok(asking) => asking,
            // Another look-up is asking (at most PATIENCE). Answer with the previous versions instead of queueing.
            Err(_) => match self.kept_within(FRESH + PATIENCE) {
                Some(kept) => return Ok(kept),
                None => self.asking.lock().await,
            },
        };
        self.ask().await
    }

    /// Returns the versions that the previous look-up has just read, or asks the database.
    async fn ask(&self) -> Result<DataVersions, StoreError> {
        if let Some(kept) = self.kept_within(FRESH) {
            return Ok(kept);
        }
        let versions = match self.kept_within(Duration::MAX) {
            Some(kept) => timeout(PATIENCE, self.store.data_versions())
                .await
                .map_or(kept, |answer| answer.unwrap_or(kept)),
            None => self.store.data_versions().await?,
        };
        *self.kept.lock() = Some((versions, Instant::now()));
        Ok(versions)
    }

    /// The versions, if they were read within this time.
    fn kept_within(&self, age: Duration) -> Option<DataVersions> {
        self.kept.lock().filter(|(_, read_at)| read_at.elapsed() < age).map(|(versions, _)| versions)
    }
}

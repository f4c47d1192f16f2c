//! Which version of the lists is the current one.
//!
//! Asked of the database every now and then, and of no cache: it is what tells a cache that it is out of date.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::domain::DataVersions;
use crate::store::{Store, StoreError};

/// How old the known versions may be: an import is seen that much later, and a moment more while a look-up asks.
const FRESH: Duration = Duration::from_secs(2);

/// The longest that a look-up waits for newer versions than those it knows.
const PATIENCE: Duration = Duration::from_secs(1);

/// The versions, as they were a moment ago.
#[derive(Debug)]
pub(crate) struct Versions {
    store: Arc<dyn Store>,
    kept: Mutex<Option<(DataVersions, Instant)>>,
    /// Held by the one look-up that asks the database.
    asking: tokio::sync::Mutex<()>,
}

impl Versions {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, kept: Mutex::new(None), asking: tokio::sync::Mutex::new(()) }
    }

    /// The current versions. Where the database does not answer, those it had when it last did: a look-up that a cache can
    /// answer does not need the database.
    pub(crate) async fn current(&self) -> Result<DataVersions, StoreError> {
        match self.known(FRESH) {
            Some(known) => Ok(known),
            // Apart, so that a look-up that knows them does not carry this around.
            None => Box::pin(self.newer()).await,
        }
    }

    async fn newer(&self) -> Result<DataVersions, StoreError> {
        let _asking = match self.asking.try_lock() {
            Ok(asking) => asking,
            // While another look-up asks, which takes up to its patience, nobody waits for it with versions hardly older.
            Err(_) => match self.known(FRESH + PATIENCE) {
                Some(known) => return Ok(known),
                None => self.asking.lock().await,
            },
        };
        self.ask().await
    }

    /// Returns the versions that the look-up before has just asked for, or those that the database has now.
    async fn ask(&self) -> Result<DataVersions, StoreError> {
        if let Some(known) = self.known(FRESH) {
            return Ok(known);
        }
        let versions = match self.known(Duration::MAX) {
            Some(known) => timeout(PATIENCE, self.store.data_versions())
                .await
                .map_or(known, |asked| asked.unwrap_or(known)),
            None => self.store.data_versions().await?,
        };
        *self.kept() = Some((versions, Instant::now()));
        Ok(versions)
    }

    /// The versions, where they were asked for within this time.
    fn known(&self, age: Duration) -> Option<DataVersions> {
        self.kept().filter(|(_, asked)| asked.elapsed() < age).map(|(known, _)| known)
    }

    fn kept(&self) -> MutexGuard<'_, Option<(DataVersions, Instant)>> {
        // What is behind the lock is replaced whole, so it is whole also where a thread panicked while it held the lock.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

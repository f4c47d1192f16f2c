//! Which version of the lists is the current one.
//!
//! Asked of the database every now and then, and of no cache: it is what tells a cache that it is out of date.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::numbers::{Malformed, uuid_id};
use crate::store::{Store, StoreError};

/// How old the known versions may be: an import is seen that much later.
const FRESH: Duration = Duration::from_secs(2);

/// The longest that a look-up waits for newer versions than those it knows.
const PATIENCE: Duration = Duration::from_secs(1);

uuid_id! {
    /// One state of a list. Chosen anew by every import, so that no cache takes a list for another one.
    DataVersion
}

impl DataVersion {
    /// A version that no list has had.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// That of a list as the migrations left it.
    #[must_use]
    pub const fn of_migration() -> Self {
        Self(Uuid::nil())
    }
}

impl Default for DataVersion {
    fn default() -> Self {
        Self::new()
    }
}

/// The versions of all lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataVersions {
    /// That of the device catalogue.
    pub devices: DataVersion,
    /// That of the area codes.
    pub ddds: DataVersion,
}

/// The versions, as they were a moment ago.
#[derive(Debug)]
pub(crate) struct Versions {
    store: Arc<dyn Store>,
    kept: Mutex<Option<(DataVersions, Instant)>>,
}

impl Versions {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, kept: Mutex::new(None) }
    }

    /// The current versions. Where the database does not answer, those it had when it last did: a look-up that a cache can
    /// answer does not need the database.
    pub(crate) async fn current(&self) -> Result<DataVersions, StoreError> {
        let mut kept = self.kept.lock().await;
        let versions = match *kept {
            Some((known, asked)) if asked.elapsed() < FRESH => return Ok(known),
            Some((known, _)) => timeout(PATIENCE, self.store.data_versions())
                .await
                .map_or(known, |asked| asked.unwrap_or(known)),
            None => self.store.data_versions().await?,
        };
        *kept = Some((versions, Instant::now()));
        Ok(versions)
    }
}

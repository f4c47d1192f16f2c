//! SQLite in a program that is built without the feature `sqlite`: every use is refused.

#![expect(clippy::unused_async, reason = "the functions take the place of ones that wait")]

use std::sync::Arc;

use secrecy::SecretString;

use super::{DatabaseReport, Store, StoreError};

pub(super) async fn open(_: &SecretString) -> Result<Arc<dyn Store>, StoreError> {
    Err(not_built_in())
}

#[cfg(feature = "import")]
pub(super) async fn migrate(_: &SecretString) -> Result<(), StoreError> {
    Err(not_built_in())
}

pub(super) async fn inspect(_: &SecretString) -> Result<DatabaseReport, StoreError> {
    Err(not_built_in())
}

fn not_built_in() -> StoreError {
    StoreError::failed("this program is built without SQLite; give a URL of PostgreSQL")
}

//! Extensions: a hold is kept for longer.

use async_trait::async_trait;

use super::StoreError;
use crate::domain::{Extend, Extension, Msisdn, Scope};

/// The step of extensions.
#[async_trait]
pub trait ExtensionStore {
    /// Holds a number for longer, but never for less long than before.
    async fn extend(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        extension: Extension,
    ) -> Result<Extend, StoreError>;
}

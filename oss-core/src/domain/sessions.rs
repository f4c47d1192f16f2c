//! The sessions of operators who work with a server in their browser.

use super::{BrandId, ClientName};

/// The session of an operator. It belongs to a key of a client, and ends with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorSession {
    /// The client whose key the operator showed.
    pub client: ClientName,
    /// The digest of that key, as the configuration has it.
    pub key: String,
    /// The brand that the operator acts for.
    pub brand: BrandId,
}

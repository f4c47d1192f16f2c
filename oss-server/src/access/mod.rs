//! Who calls, and whether they may.
//!
//! Every route of the service goes through [`guarded`], which checks what it documents. Knows nothing of what a route does.

mod caller;
mod guard;
mod keys;
mod places;

pub(crate) use caller::{Acting, Caller};
pub(crate) use guard::{SECURITY, guarded};
pub use keys::{Access, ClientLimits};

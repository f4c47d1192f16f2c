//! Finds out who calls, and checks whether they may.
//!
//! Every route of the service goes through [`require_scope`], which documents what it checks. This module does not know what a
//! route does.

mod caller;
mod guard;
mod in_flight;
mod keys;
mod operators;

pub(crate) use caller::{Acting, Caller};
pub(crate) use guard::{SECURITY, require_scope};
pub(crate) use keys::BRAND;
pub use keys::{Access, ClientLimits};
pub(crate) use operators::{KeyFault, Operator};

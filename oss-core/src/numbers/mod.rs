//! The operations on numbers. They are the purpose of this service.
//!
//! Each operation of the specification has a file of its own and follows its text. The operations use the ports
//! ([`Store`](crate::store::Store), [`Sigan`](crate::sigan::Sigan)) and nothing behind them.

mod abandon;
mod adopt;
mod assign;
mod attempt;
mod audit;
mod bulk;
mod extend;
mod gauges;
mod history;
mod lanes;
mod list;
mod preview;
mod release;
mod reserve;
mod settle;
mod shares;
mod statistics;
mod sweep;
mod unsettled;
mod upstreams;

pub use adopt::{Adopt, AdoptError, Adopted};
pub use audit::{AuditOptions, AuditReport, Difference, DifferenceKind, Found, Outcome};
pub use bulk::{BulkMode, LARGEST_RELEASE, ListedReleases, ReleaseResult};
pub use preview::{CreatePreview, Offer, Preview};
pub use release::Released;
pub(crate) use release::log_set_aside;
pub use reserve::ReserveRandom;
pub use settle::Settlement;
pub use upstreams::{Answering, Upstream};

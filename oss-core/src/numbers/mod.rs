//! The life of a number: what this service exists for.
//!
//! One file for each operation of the specification, each reading like it. The operations know the ports
//! ([`Store`](crate::store::Store), [`Sigan`](crate::sigan::Sigan)) and nothing behind them.

mod abandon;
mod adopt;
mod assign;
mod attempt;
mod audit;
mod gauges;
mod preview;
mod release;
mod reserve;
mod shares;
mod sweep;

pub use adopt::{Adopt, AdoptError, Adopted};
pub use audit::{AuditOptions, AuditReport, Difference, DifferenceKind, Found, Outcome};
pub use preview::{CreatePreview, Offer, Preview};
pub use reserve::{Reservation, ReserveRandom};

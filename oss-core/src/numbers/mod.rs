//! The life of a number: what this service exists for.
//!
//! One file for each operation of the specification, each reading like it. The operations know the ports
//! ([`Store`](crate::store::Store), [`Sigan`](crate::sigan::Sigan)) and nothing behind them.

mod abandon;
mod adopt;
mod assign;
mod attempt;
mod audit;
mod draws;
mod in_flight;
mod preview;
mod release;
mod reserve;
mod sweep;

pub(crate) use abandon::UnusedLeases;
pub use adopt::{AdoptError, Adopted};
pub(crate) use attempt::LEASE_MARGIN;
pub use audit::{AuditOptions, AuditReport, Difference, DifferenceKind, Found, Outcome};
pub use draws::DrawBudget;
pub(crate) use draws::Draws;
pub(crate) use in_flight::InFlight;
pub use preview::{Offer, Preview};
pub use reserve::Reservation;
pub use sweep::SweepReport;
pub(crate) use sweep::Sweeps;

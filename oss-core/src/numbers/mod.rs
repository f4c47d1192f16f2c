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
mod idempotency;
mod ids;
mod in_flight;
mod msisdn;
mod number;
mod preview;
mod release;
mod reserve;
mod sweep;
mod text;

pub(crate) use abandon::UnusedLeases;
pub use adopt::{AdoptError, Adopted};
pub(crate) use attempt::LEASE_MARGIN;
pub use audit::{AuditOptions, AuditReport, Difference, DifferenceKind, Found, Outcome};
pub use draws::DrawBudget;
pub(crate) use draws::Draws;
pub use idempotency::IdempotencyKey;
pub(crate) use ids::uuid_id;
pub use ids::{BrandId, Choice, ClientName, ExternalId, Index, PreviewId, ReservationId, SimId};
pub(crate) use in_flight::InFlight;
pub use msisdn::{Ddd, Malformed, MaskedMsisdn, Msisdn};
pub(crate) use msisdn::{ascii, serde_as_text, serde_exactly};
pub use number::{HoldRecord, Line, Number, NumberStatus, ReservationState};
pub use preview::{Offer, Preview};
pub use reserve::Reservation;
pub use sweep::SweepReport;
pub(crate) use sweep::Sweeps;
pub(crate) use text::{INVISIBLE, is_hidden, is_invisible, plain, trimmed};

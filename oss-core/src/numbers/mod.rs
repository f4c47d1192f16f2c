//! The life of a number: what this service exists for.
//!
//! One file for each operation of the specification, each reading like it. The operations know the ports
//! ([`Store`](crate::store::Store), [`Sigan`](crate::sigan::Sigan)) and nothing behind them.

mod assign;
mod ids;
mod in_flight;
mod msisdn;
mod number;
mod preview;
mod release;
mod reserve;
mod sweep;

pub(crate) use ids::uuid_id;
pub use ids::{BrandId, Choice, ExternalId, PreviewId, ReservationId, SimId};
pub(crate) use in_flight::InFlight;
pub use msisdn::{Ddd, Malformed, MaskedMsisdn, Msisdn};
pub(crate) use msisdn::{ascii, serde_as_text};
pub use number::{HoldRecord, Line, Number, NumberStatus, ReservationState};
pub use preview::{Offer, Preview};
pub(crate) use reserve::LEASE_MARGIN;
pub use reserve::Reservation;

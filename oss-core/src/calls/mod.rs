//! Tracks the calls under way in this process: the waiters for each, the numbers that clients draw, and the leases that were not
//! used. Records the calls to Sigan and GSIM that have ended.
//!
//! These are optimisations and limits, never a lock: the database decides.

mod draws;
mod in_flight;
mod lease;
mod recorder;
mod single;
mod tally;
mod unused_leases;

pub use self::draws::DrawBudget;
pub(crate) use self::draws::Draws;
pub(crate) use self::in_flight::{Call, Crowded, InFlight, Waits};
pub(crate) use self::lease::{LeaseClock, retry_within_lease};
pub(crate) use self::recorder::CallRecorder;
pub(crate) use self::single::{Running, Single};
pub(crate) use self::tally::Tally;
pub(crate) use self::unused_leases::UnusedLeases;

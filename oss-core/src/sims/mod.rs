//! The operations on SIMs: from the order of a SIM for a reserved number to the end of its line.
//!
//! A SIM is ordered the way a number is reserved: the intent is recorded, GSIM is asked, and the outcome is recorded. The order's id
//! is our reference at GSIM and the id of the SIM. A number has one order under way at a time; meanwhile it neither expires nor can
//! be released.

mod attempt;
mod code;
mod line;
mod order;
mod profile;
mod search;
mod sweep;

pub use self::code::{qr_svg, qr_text};
pub use self::order::OrderSim;

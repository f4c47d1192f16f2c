//! The operations on SIMs: from the order of a SIM for a reserved number to the end of its line.
//!
//! A SIM is ordered the way a number is reserved: the intent is recorded, GSIM is asked, and the outcome is recorded. The order's id
//! is our reference at GSIM and the id of the SIM. A number has one order under way at a time; meanwhile it neither expires nor can
//! be released.
//!
//! # The life of a line
//!
#![doc = include_str!("life.md")]
//!
//! One statement records what GSIM made: the SIM, the number on it, the reservation and the history. When a line ends, one statement
//! gives back both the SIM and the number here. Then GSIM is told, and Sigan after it, so nobody gets the number while a SIM still has
//! it. Each step that a crash leaves open is a row that is due: the sweep settles it.

mod activation;
mod attempt;
mod code;
mod line;
mod order;
mod profile;
mod search;
mod sweep;

use metrics::counter;

pub use self::activation::{Activation, InstallUrls};
pub use self::code::{qr_svg, qr_text};
pub use self::order::OrderSim;
use crate::domain::SimType;
use crate::telemetry::names::SIM_STEPS;

/// Counts a step in the life of a SIM, with the reason if it failed.
fn count_step(sim_type: SimType, step: &'static str, reason: &'static str) {
    counter!(SIM_STEPS, "sim_type" => sim_type.as_str(), "step" => step, "reason" => reason).increment(1);
}

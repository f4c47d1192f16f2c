//! The protocol of SIM orders and of the ends of lines, as a model small enough to try every order of events.
//!
//! Up to three orders for one or two numbers that Sigan holds for us, and a GSIM that keeps its promises. A SIM, its order and our
//! reference at GSIM have one id. An order has the states of an attempt; the network, the workers and the sweep fail as in the
//! [model of reservations](super). [`explore`] reports the shortest way to a [`Violation`].
//!
//! ```text
//!  number RESERVED ──order A──> IN_USE on A ──order B, which replaces A──> IN_USE on B ──line ends──> RETURNED
//!     │                                                │                                   │             │
//!     └─given back, unless an order is under way       └─GSIM deprograms A                 └─GSIM deprograms B, then Sigan is told
//! ```
//!
//! The model leaves these out:
//! - The questions of a customer who waits for an order that GSIM makes later: they are those of recovery.
//! - The expiry and the assignment of a number: the guard is that of a number that its customer gives back.
//! - The delivery to Sigan: the model of reservations has its steps. Here it is one step, and only its time counts.
//! - A failover that loses an order, and a SIM that nobody ordered: only the audit finds that SIM.
//! - The index of active ICCIDs: it matters only if GSIM breaks its promise that two SIMs never have the same one.
//! - The two statements that begin an order: the second one writes only if the first one's rows are unchanged.

mod action;
mod gsim;
mod order;
mod possible;
mod protocol;
mod safeguards;
mod scenario;
mod sights;
mod state;
mod steps;
mod worker;

pub use self::protocol::{Violation, explore};
pub use self::safeguards::Safeguard;
pub use self::scenario::{Number, Scenario, Sim, Wish};
pub use self::sights::Sight;

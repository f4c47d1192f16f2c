//! The protocol by which a number is held in Sigan, as a model small enough to try every order of events.
//!
//! One number, up to three attempts to hold it, and a Sigan that keeps its promises. Between us and Sigan requests and answers
//! are lost, delayed and doubled; workers are killed at any step, or pause until their lease has run out; credentials are refused,
//! and a failover loses a row. The audit releases what no row knows. [`explore`] visits every state that can follow, breadth first, and reports the shortest way to a [`Violation`].
//!
//! ```text
//!  begin ──> PENDING(call, lease) ──granted──> HELD ──given back──> RELEASING ──told──> RELEASED
//!               │  ▲      │                     ▲                       ▲
//!               │  │      ├─over, or not sent, at call 1──> REJECTED    │
//!        no answer │      └─given up──> CANCELLING ──told──> REJECTED   │
//!               ▼  │                            │                       │
//!            IN_DOUBT ──────Sigan asked: ours───┘ ───────given back─────┘
//! ```
//!
//! What keeps a number from being lost, promised twice or taken away is a list of [`Mend`]s, each of a line or two in the code
//! that it stands for. Each can be left out of the model, which must then find a violation: so it is known that the mend
//! carries weight, and that the model would notice if it went missing.
//!
//! What is left out, and why nothing is lost by it:
//! - A worker that has its answer and is slow to record it: the same as an answer that travels slowly.
//! - A statement whose commit reply is lost: the same as a worker killed after the statement.
//! - A sweeper that loses its lease while it tells Sigan of a release: the same as a release doubled by the network.
//! - `ASSIGNED`: entered from `HELD` by a guarded statement, left by none of the steps here.
//! - A hold that expires here: the same as one that its customer gives back.
//! - `previousExternalId`: the same as a pre-reservation that lapses at Sigan.
//! - A failover that loses a row that nobody works on: only the audit can find its hold, which is then a stray one.
//! - Time itself: whatever can be early or late is tried both ways.

mod action;
mod explore;
mod mends;
mod network;
mod possible;
mod row;
mod scenario;
mod sigan;
mod sights;
mod state;
mod steps;

pub use self::explore::{Exploration, Trace, Violation, explore};
pub use self::mends::{Mend, Mends};
pub use self::scenario::{Attempt, ExternalId, Faults, Scenario};
pub use self::sights::Sight;

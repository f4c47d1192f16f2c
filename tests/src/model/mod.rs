//! The protocol by which a number is held in Sigan, as a model small enough to try every order of events.
//!
//! One number, up to three attempts to hold it, and a Sigan that keeps its promises. Between us and Sigan requests and answers
//! are lost, delayed and doubled; workers are killed at any step, or pause until their lease has run out; credentials are refused,
//! and a failover loses a row. The audit releases holds without a row. [`explore`] visits every state that can follow, breadth
//! first, and reports the shortest way to a [`Violation`].
//!
//! ```text
//!  begin ──> PENDING(call, lease) ──granted──> HELD ──given back──> RELEASING ──delivered──> RELEASED
//!               │  ▲      │                     ▲                       ▲
//!               │  │      ├─over, or not sent, at call 1──> REJECTED    │
//!        no answer │      └─given up─> CANCELLING ─delivered─> REJECTED │
//!               ▼  │                            │                       │
//!            IN_DOUBT ──────Sigan asked: ours───┘ ───────given back─────┘
//! ```
//!
//! A list of [`Safeguard`]s keeps a number from being lost, promised twice or taken away. Each is a line or two in the real code. Each can
//! be left out of the model, which must then find a violation. This proves that the safeguard is needed, and that the model would
//! notice if it were missing.
//!
//! The model leaves these out, because other steps cover them:
//! - A worker that is slow to record its answer: it is the same as an answer that travels slowly.
//! - A statement whose commit reply is lost: it is the same as a worker that is killed after the statement.
//! - A sweeper that loses its lease during a delivery: it is the same as a release that the network doubles.
//! - `ASSIGNED`: entered from `HELD` by a guarded statement, left by none of the steps here.
//! - A hold that expires here: it is the same as one that its customer gives back.
//! - `previousExternalId`: it is the same as a pre-reservation that lapses at Sigan.
//! - A failover that loses a row that nobody works on: only the audit can find its hold, which is then a stray one.
//! - Time itself: every event that can be early or late is tried both ways.
//!
//! [`orders`] is the model of SIM orders and of the ends of lines.

mod action;
mod explore;
mod network;
pub mod orders;
mod possible;
mod reservations;
mod row;
mod safeguards;
mod scenario;
mod sigan;
mod sights;
mod state;
mod steps;

pub use self::explore::{Exploration, Trace};
pub use self::reservations::{Violation, explore};
pub use self::safeguards::{Safeguard, Safeguards};
pub use self::scenario::{Attempt, ExternalId, Faults, Scenario};
pub use self::sights::Sight;

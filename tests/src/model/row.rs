//! A row of `reservation`, and the statements that change it.
//!
//! Each statement returns the row after it, or none if its guard matched no row. The transitions are the service's own state
//! machine; the other guards and the invariants are the model's own.

use std::fmt;

use oss_core::{AttemptEvent as Event, AttemptState as State};

use super::safeguards::{Safeguard, Safeguards};

/// The state of an attempt, and the other values of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Row {
    /// A call to Sigan is in flight. When the lease has run out, another worker may take the row up.
    Pending { call: u8, lapsed: bool },
    /// Sigan gave no certain answer.
    InDoubt { call: u8 },
    /// The customer was promised the number, or will be on asking again.
    Held,
    /// Given back; the delivery to Sigan is pending.
    Releasing,
    /// Given back and delivered to Sigan.
    Released,
    /// Given up without a known outcome; the delivery to Sigan is pending. Nobody ever confirms this row.
    Cancelling,
    /// Nothing is held.
    Rejected,
}

impl Row {
    pub(super) const BEGUN: Self = Self::Pending { call: 1, lapsed: false };

    /// Whether the row keeps other attempts from the number.
    pub(super) const fn is_live(self) -> bool {
        self.state().is_live()
    }

    const fn state(self) -> State {
        match self {
            Self::Pending { .. } => State::Pending,
            Self::InDoubt { .. } => State::InDoubt,
            Self::Held => State::Held,
            Self::Releasing => State::Releasing,
            Self::Released => State::Released,
            Self::Cancelling => State::Cancelling,
            Self::Rejected => State::Rejected,
        }
    }

    /// The row after an event, with `call` as the latest call. No number is put on a line here.
    const fn after(self, event: Event, call: u8) -> Option<Self> {
        Some(match self.state().after(event) {
            Some(State::Pending) => Self::Pending { call, lapsed: false },
            Some(State::InDoubt) => Self::InDoubt { call },
            Some(State::Held) => Self::Held,
            Some(State::Releasing) => Self::Releasing,
            Some(State::Released) => Self::Released,
            Some(State::Cancelling) => Self::Cancelling,
            Some(State::Rejected) => Self::Rejected,
            Some(State::Assigned) | None => return None,
        })
    }

    /// Whether Sigan's hold may still differ from the row.
    pub(super) const fn is_unsettled(self) -> bool {
        !matches!(self, Self::Held | Self::Released | Self::Rejected)
    }

    /// Records that Sigan holds the number, whichever call got the answer.
    pub(super) fn confirm(self, safeguards: Safeguards) -> Option<Self> {
        let unguarded = (!safeguards.has(Safeguard::GuardedConfirmation)).then_some(Self::Held);
        self.after(Event::Confirmed, 0).or(unguarded)
    }

    /// Records that Sigan gave no certain answer to a call.
    pub(super) fn doubt(self, call: u8, safeguards: Safeguards) -> Option<Self> {
        // An older call does not reduce the number of calls.
        let calls = if let Self::Pending { call, .. } = self { call } else { call };
        // Without its guard the statement overwrites any state.
        let next = self.after(Event::Doubted, calls).unwrap_or(Self::InDoubt { call: calls });
        self.is_pending_at(call, safeguards).then_some(next)
    }

    /// Records that a call had no effect for certain, nor any call before it.
    pub(super) fn reject(self, call: u8, safeguards: Safeguards) -> Option<Self> {
        self.is_pending_at(call, safeguards)
            .then_some(self.after(Event::Refused, call).unwrap_or(Self::Rejected))
    }

    /// Gives the attempt up. The effect of an earlier call is unknown.
    pub(super) fn give_up(self, call: u8, safeguards: Safeguards) -> Option<Self> {
        self.is_pending_at(call, safeguards)
            .then_some(self.after(Event::GivenUp, call).unwrap_or(Self::Cancelling))
    }

    /// Begins another call, because nobody works on the row any more.
    pub(super) fn take_up(self) -> Option<Self> {
        match self {
            Self::InDoubt { call } | Self::Pending { call, lapsed: true } => {
                self.after(Event::Claimed, call + 1)
            }
            _ => None,
        }
    }

    /// Counts a call that the row does not know. The call in flight is then not the first, so its failure does not mean that nothing
    /// is held.
    pub(super) fn count_unknown_call(self) -> Option<Self> {
        match self {
            Self::Pending { call, lapsed } => Some(Self::Pending { call: call + 1, lapsed }),
            _ => None,
        }
    }

    /// Records that the customer gives the number back.
    pub(super) fn give_back(self) -> Option<Self> {
        let is_under_way = matches!(self, Self::Pending { lapsed: false, .. });
        self.after(Event::Released, 0).filter(|_| !is_under_way)
    }

    /// Records that Sigan answered that the hold is over.
    pub(super) fn record_delivery(self) -> Option<Self> {
        self.after(Event::Delivered, 0)
    }

    /// The guard of every negative outcome: the row still waits for this call.
    fn is_pending_at(self, answered: u8, safeguards: Safeguards) -> bool {
        match self {
            Self::Pending { call, .. } => call == answered || !safeguards.has(Safeguard::CallNumber),
            _ => !safeguards.has(Safeguard::GuardedDenial),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending { call, lapsed: false } => write!(f, "PENDING (call {call})"),
            Self::Pending { call, lapsed: true } => write!(f, "PENDING (call {call}, lease over)"),
            Self::InDoubt { call } => write!(f, "IN_DOUBT (call {call})"),
            Self::Held => f.write_str("HELD"),
            Self::Releasing => f.write_str("RELEASING"),
            Self::Released => f.write_str("RELEASED"),
            Self::Cancelling => f.write_str("CANCELLING"),
            Self::Rejected => f.write_str("REJECTED"),
        }
    }
}

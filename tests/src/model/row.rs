//! A row of `reservation`, and the statements that change it.
//!
//! Each statement answers with the row as it is afterwards, or with nothing if its guard matched no row. The moves are those of
//! the service's own state machine; the guards beyond them, and what must never happen, are the model's own.

use std::fmt;

use oss_core::{AttemptEvent as Event, ReservationState as State};

use super::mends::{Mend, Mends};

/// The state of an attempt, with what else its row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Row {
    /// A call to Sigan is under way; once the lease has run out, another may take the row up.
    Pending { call: u8, lapsed: bool },
    /// Sigan gave no certain answer.
    InDoubt { call: u8 },
    /// The customer was told that the number is his, or will be when he asks again.
    Held,
    /// Given back, and Sigan is yet to be told.
    Releasing,
    /// Given back, and Sigan knows.
    Released,
    /// Given up without knowing the outcome, and Sigan is yet to be told. Nobody ever confirms this row.
    Cancelling,
    /// Nothing is held.
    Rejected,
}

impl Row {
    pub(super) const BEGUN: Self = Self::Pending { call: 1, lapsed: false };

    /// Whether the row keeps others from the number.
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

    /// The row after an event, of which `call` was the latest call. No number is put on a line here.
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

    /// Whether Sigan may still hold something other than the row says.
    pub(super) const fn is_unsettled(self) -> bool {
        !matches!(self, Self::Held | Self::Released | Self::Rejected)
    }

    /// Sigan holds the number, whichever call it was that got the answer.
    pub(super) fn confirm(self, mends: Mends) -> Option<Self> {
        let unguarded = (!mends.has(Mend::GuardedConfirmation)).then_some(Self::Held);
        self.after(Event::Confirmed, 0).or(unguarded)
    }

    /// Sigan gave no certain answer to a call.
    pub(super) fn doubt(self, call: u8, mends: Mends) -> Option<Self> {
        // The number of calls that were made is not taken back by an older one.
        let calls = if let Self::Pending { call, .. } = self { call } else { call };
        // Without its guard the statement writes the same over any state.
        let next = self.after(Event::Doubted, calls).unwrap_or(Self::InDoubt { call: calls });
        self.is_pending_at(call, mends).then_some(next)
    }

    /// A call is known to have had no effect, and so is every call before it.
    pub(super) fn reject(self, call: u8, mends: Mends) -> Option<Self> {
        self.is_pending_at(call, mends).then_some(self.after(Event::Refused, call).unwrap_or(Self::Rejected))
    }

    /// The attempt is given up; what an earlier call did, or may yet do, is unknown.
    pub(super) fn give_up(self, call: u8, mends: Mends) -> Option<Self> {
        self.is_pending_at(call, mends)
            .then_some(self.after(Event::GivenUp, call).unwrap_or(Self::Cancelling))
    }

    /// Another call begins: nobody works on the row any more.
    pub(super) fn take_up(self) -> Option<Self> {
        match self {
            Self::InDoubt { call } | Self::Pending { call, lapsed: true } => {
                self.after(Event::Claimed, call + 1)
            }
            _ => None,
        }
    }

    /// A call was made that the row does not know of, so that the call under way is not the first any more: that it had no effect
    /// does not mean that nothing is held.
    pub(super) fn count_unknown_call(self) -> Option<Self> {
        match self {
            Self::Pending { call, lapsed } => Some(Self::Pending { call: call + 1, lapsed }),
            _ => None,
        }
    }

    /// The customer gives the number back.
    pub(super) fn give_back(self) -> Option<Self> {
        let is_under_way = matches!(self, Self::Pending { lapsed: false, .. });
        self.after(Event::Released, 0).filter(|_| !is_under_way)
    }

    /// Sigan answered that the hold is over.
    pub(super) fn told(self) -> Option<Self> {
        self.after(Event::Delivered, 0)
    }

    /// The guard of every negative outcome: the row still waits for this very call.
    fn is_pending_at(self, answered: u8, mends: Mends) -> bool {
        match self {
            Self::Pending { call, .. } => call == answered || !mends.has(Mend::CallNumber),
            _ => !mends.has(Mend::GuardedDenial),
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

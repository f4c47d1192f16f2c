//! A row of `sim_order`, and the events that change it.
//!
//! The transitions are the service's own state machine; the other guards and the invariants are the model's own.

use std::fmt;

use oss_core::{AttemptEvent as Event, AttemptState as State};

use super::possible::Model;
use super::safeguards::Safeguard;

/// The state of an order, and the other values of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Order {
    pub(super) state: State,
    /// The latest call. It is 0 once no answer to a call can count, so that the count makes no other state.
    pub(super) call: u8,
    /// Whether the lease of the latest call has run out.
    pub(super) lapsed: bool,
}

impl Order {
    pub(super) const BEGUN: Self = Self { state: State::Pending, call: 1, lapsed: false };

    /// The order in a state that it has reached.
    pub(super) const fn at(self, state: State) -> Self {
        let call = if matches!(state, State::Pending | State::InDoubt) { self.call } else { 0 };
        Self { state, call, lapsed: false }
    }

    /// The order after an event, or none if its state does not allow it.
    pub(super) fn after(self, event: Event) -> Option<Self> {
        self.state.after(event).map(|state| self.at(state))
    }

    /// Whether GSIM may still make its SIM: the number has no other order then.
    pub(super) const fn is_open(self) -> bool {
        matches!(self.state, State::Pending | State::InDoubt | State::Cancelling)
    }

    /// Whether something is still to be done for it.
    pub(super) const fn is_unsettled(self) -> bool {
        self.is_open() || matches!(self.state, State::Releasing)
    }

    /// Begins another call, because nobody works on the order any more.
    pub(super) fn take_up(self) -> Option<Self> {
        let is_free = self.state == State::InDoubt || self.lapsed;
        self.after(Event::Claimed).filter(|_| is_free).map(|order| Self { call: self.call + 1, ..order })
    }
}

impl Model {
    /// The order after GSIM was found to have its SIM, whichever call got the answer.
    pub(super) fn issued(&self, order: Order) -> Option<Order> {
        let unguarded = (!self.has(Safeguard::GuardedIssue)).then(|| order.at(State::Held));
        order.after(Event::Confirmed).or(unguarded)
    }

    /// The order after a negative or missing outcome of a call, which has to be the latest.
    pub(super) fn denied(&self, order: Order, call: u8, event: Event) -> Option<Order> {
        let counts = match order.state {
            State::Pending => order.call == call || !self.has(Safeguard::CallNumber),
            _ => !self.has(Safeguard::GuardedDenial),
        };
        // Without its guard the statement overwrites any state.
        let unguarded = || Some(order.at(State::Pending.after(event)?));
        counts.then(|| order.after(event).or_else(unguarded)).flatten()
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.call, self.lapsed) {
            (0, _) => write!(f, "{}", self.state),
            (call, false) => write!(f, "{} (call {call})", self.state),
            (call, true) => write!(f, "{} (call {call}, lease over)", self.state),
        }
    }
}

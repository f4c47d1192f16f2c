//! The life of one attempt to hold a number in Sigan: the row of `reservation` that is at once lock, intent, outbox and history.
//!
#![doc = include_str!("attempt.md")]
//!
//! An event that the state does not allow changes nothing. Whether an event may happen at all also depends on the number and on
//! the lease; [`verdicts`](super::verdicts) decides that.

use strum::{EnumCount, VariantArray};

use super::every;
use super::number::AttemptState;

/// An event in the life of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::EnumCount, strum::VariantArray)]
pub enum AttemptEvent {
    /// Sigan holds the number.
    Confirmed,
    /// Sigan gave no certain answer, or the lease ran out without a word from its holder.
    Doubted,
    /// Sigan certainly does not hold the number, and no request that was sent can still arrive.
    Refused,
    /// The lease was not used, so Sigan was never asked.
    Unused,
    /// The attempt is given up, though a request that was sent for it may still arrive.
    GivenUp,
    /// A call takes the attempt up again.
    Claimed,
    /// The number is given back.
    Released,
    /// The number is held for longer.
    Extended,
    /// Nobody put the number on a line in time.
    Expired,
    /// The number is on a line.
    Assigned,
    /// Sigan was told of the release or the cancellation.
    Delivered,
}

impl AttemptEvent {
    /// Every event.
    pub const ALL: [Self; Self::COUNT] = every(Self::VARIANTS);
}

impl AttemptState {
    /// Every state.
    pub const ALL: [Self; Self::COUNT] = every(Self::VARIANTS);

    /// The state after an event, or none if the event changes nothing.
    #[must_use]
    #[expect(clippy::match_same_arms, reason = "each line is a transition of the diagram")]
    pub const fn after(self, event: AttemptEvent) -> Option<Self> {
        use AttemptEvent as Event;
        Some(match (self, event) {
            (Self::Pending | Self::InDoubt, Event::Confirmed) => Self::Held,
            (Self::Pending, Event::Doubted) => Self::InDoubt,
            (Self::Pending, Event::Refused | Event::Unused) => Self::Rejected,
            (Self::Pending, Event::GivenUp) => Self::Cancelling,
            (Self::Pending | Self::InDoubt, Event::Claimed) => Self::Pending,
            (Self::Held, Event::Extended) => Self::Held,
            (Self::Held, Event::Assigned) => Self::Assigned,
            (Self::Held, Event::Expired) => Self::Releasing,
            (Self::Pending | Self::Held | Self::InDoubt | Self::Assigned, Event::Released) => Self::Releasing,
            (Self::Releasing, Event::Delivered) => Self::Released,
            (Self::Cancelling, Event::Delivered) => Self::Rejected,
            _ => return None,
        })
    }

    /// Whether the attempt has the number, so that no other attempt may: at most one live attempt exists for a number.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Pending | Self::Held | Self::InDoubt | Self::Assigned)
    }

    /// Whether nothing more happens to the attempt.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Released | Self::Rejected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reachable_from(state: AttemptState) -> Vec<AttemptState> {
        let mut reached = vec![state];
        let mut at = 0;
        while at < reached.len() {
            let state = reached[at];
            for next in AttemptEvent::ALL.into_iter().filter_map(|event| state.after(event)) {
                if !reached.contains(&next) {
                    reached.push(next);
                }
            }
            at += 1;
        }
        reached
    }

    #[test]
    fn the_transitions_are_those_of_the_diagram() {
        use {AttemptEvent as Event, AttemptState as State};
        let diagram = [
            (State::Pending, Event::Confirmed, State::Held),
            (State::Pending, Event::Doubted, State::InDoubt),
            (State::Pending, Event::Refused, State::Rejected),
            (State::Pending, Event::Unused, State::Rejected),
            (State::Pending, Event::GivenUp, State::Cancelling),
            (State::Pending, Event::Claimed, State::Pending),
            (State::Pending, Event::Released, State::Releasing),
            (State::InDoubt, Event::Confirmed, State::Held),
            (State::InDoubt, Event::Claimed, State::Pending),
            (State::InDoubt, Event::Released, State::Releasing),
            (State::Held, Event::Extended, State::Held),
            (State::Held, Event::Assigned, State::Assigned),
            (State::Held, Event::Expired, State::Releasing),
            (State::Held, Event::Released, State::Releasing),
            (State::Assigned, Event::Released, State::Releasing),
            (State::Releasing, Event::Delivered, State::Released),
            (State::Cancelling, Event::Delivered, State::Rejected),
        ];
        for state in State::ALL {
            for event in Event::ALL {
                let drawn = diagram.iter().find(|(from, by, _)| (*from, *by) == (state, event));
                assert_eq!(state.after(event), drawn.map(|(_, _, to)| *to), "{state} {event:?}");
            }
        }
    }

    #[test]
    fn an_attempt_reaches_every_state_and_comes_to_an_end_from_each() {
        assert_eq!(reachable_from(AttemptState::Pending).len(), AttemptState::ALL.len());
        for state in AttemptState::ALL {
            assert!(reachable_from(state).into_iter().any(AttemptState::is_over), "{state}");
        }
    }

    #[test]
    fn what_was_given_up_or_is_over_never_has_the_number_again() {
        for state in AttemptState::ALL.into_iter().filter(|state| !state.is_live()) {
            assert!(!reachable_from(state).into_iter().any(AttemptState::is_live), "{state}");
        }
    }

    #[test]
    fn an_attempt_that_may_be_held_in_sigan_ends_only_after_sigan_was_told() {
        use AttemptState as State;
        for state in [State::Held, State::InDoubt, State::Assigned, State::Releasing, State::Cancelling] {
            for event in AttemptEvent::ALL.into_iter().filter(|event| *event != AttemptEvent::Delivered) {
                assert!(!state.after(event).is_some_and(State::is_over), "{state} {event:?}");
            }
        }
    }
}

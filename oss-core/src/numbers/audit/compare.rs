//! What follows where one side is laid beside the other. No I/O, so that every case stands in a table of tests.

use super::report::DifferenceKind;
use crate::domain::{ExternalId, NumberStatus, ReservationState};
use crate::store::{HeldNumber, KnownHold};

/// What an audit makes of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Both say the same.
    Agrees,
    /// It is young, or a call or the sweep is at work on it.
    Unsettled,
    /// They differ, and this may be done about it.
    Differs(DifferenceKind, Remedy),
}

/// What may be done about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Release the hold in Sigan.
    ReleaseStray,
    /// Give the number back here.
    GiveBack,
    /// Wait: an attempt at the number, or the end of its hold, will settle it.
    Wait,
    /// None that a program should take: a customer may be on the line.
    Person,
}

/// A hold that Sigan lists: is it ours?
pub(super) fn here(known: &KnownHold) -> Verdict {
    use DifferenceKind::{StateDiffers, UnknownHere};
    use NumberStatus::{InUse, Reserved, Returned};
    use ReservationState::{Assigned, Cancelling, Held, InDoubt, Pending, Rejected, Released, Releasing};
    match (known.state, &known.status) {
        // A number of a status that is not known here is never acted on.
        (_, Some(NumberStatus::Other(_))) if known.young => Verdict::Unsettled,
        (_, Some(NumberStatus::Other(_))) => Verdict::Differs(StateDiffers, Remedy::Person),
        (Some(Held | Assigned), Some(Reserved | InUse)) => Verdict::Agrees,
        (Some(Pending | InDoubt | Releasing | Cancelling), _) => Verdict::Unsettled,
        // Older data knows the number and not the hold.
        (None, Some(Reserved | InUse)) if !known.contested => Verdict::Agrees,
        _ if known.young => Verdict::Unsettled,
        // Another program gave the number back: at its end the sweep releases the hold. Or another attempt is at the number.
        (Some(Held | Assigned), _) | (None, Some(Reserved | InUse)) => {
            Verdict::Differs(StateDiffers, Remedy::Wait)
        }
        (Some(Released | Rejected) | None, _) if known.contested => {
            Verdict::Differs(StateDiffers, Remedy::Wait)
        }
        (Some(Released | Rejected), Some(Reserved | InUse)) => Verdict::Differs(StateDiffers, Remedy::Person),
        (Some(Released | Rejected), _) => Verdict::Differs(StateDiffers, Remedy::ReleaseStray),
        (None, None | Some(Returned)) => Verdict::Differs(UnknownHere, Remedy::ReleaseStray),
    }
}

/// A number that is held here: does Sigan list it, and under which id?
pub(super) fn there(number: &HeldNumber, listed: Option<&ExternalId>) -> Verdict {
    use ReservationState::{Held, InDoubt, Pending};
    let differs = |remedy| Verdict::Differs(DifferenceKind::UnknownThere, remedy);
    match (&number.live, listed) {
        // Removed, or whatever the word says: Sigan need not hold it for us. If it does, that is told from its side.
        (None, _) if !number.status.is_known() => Verdict::Agrees,
        (Some(live), _) if matches!(live.state, Pending | InDoubt) => Verdict::Unsettled,
        (Some(live), Some(listed)) if *listed == live.external_id => Verdict::Agrees,
        (None, Some(_)) => Verdict::Agrees,
        _ if number.young => Verdict::Unsettled,
        (Some(live), _) if live.state == Held && number.status == NumberStatus::Reserved => {
            differs(Remedy::GiveBack)
        }
        _ => differs(Remedy::Person),
    }
}

#[cfg(test)]
mod tests {
    use ReservationState as State;

    use super::*;
    use crate::store::LiveHold;

    const STRAY: Verdict = Verdict::Differs(DifferenceKind::UnknownHere, Remedy::ReleaseStray);
    const OVER: Verdict = Verdict::Differs(DifferenceKind::StateDiffers, Remedy::ReleaseStray);
    const PERSON: Verdict = Verdict::Differs(DifferenceKind::StateDiffers, Remedy::Person);
    const WAIT: Verdict = Verdict::Differs(DifferenceKind::StateDiffers, Remedy::Wait);

    fn known(state: Option<State>, status: Option<&NumberStatus>) -> KnownHold {
        KnownHold { state, status: status.cloned(), contested: false, young: false }
    }

    #[test]
    fn what_sigan_lists_is_looked_for_here() {
        let removed = NumberStatus::from("REMOVED");
        let (reserved, in_use, returned, removed) = (
            Some(&NumberStatus::Reserved),
            Some(&NumberStatus::InUse),
            Some(&NumberStatus::Returned),
            Some(&removed),
        );
        for (state, status, verdict) in [
            (Some(State::Held), reserved, Verdict::Agrees),
            (Some(State::Assigned), in_use, Verdict::Agrees),
            (Some(State::Held), in_use, Verdict::Agrees),
            (Some(State::Pending), None, Verdict::Unsettled),
            (Some(State::InDoubt), reserved, Verdict::Unsettled),
            (Some(State::Releasing), returned, Verdict::Unsettled),
            (Some(State::Cancelling), returned, Verdict::Unsettled),
            (Some(State::Released), returned, OVER),
            (Some(State::Rejected), None, OVER),
            (Some(State::Held), returned, WAIT),
            (None, None, STRAY),
            (None, returned, STRAY),
            (None, reserved, Verdict::Agrees),
            (None, in_use, Verdict::Agrees),
            (None, removed, PERSON),
            (Some(State::Released), removed, PERSON),
        ] {
            assert_eq!(here(&known(state, status)), verdict, "{state:?} {status:?}");
        }
        assert_eq!(here(&known(Some(State::Released), in_use)), PERSON, "a customer is on the line");
    }

    #[test]
    fn what_is_young_or_contested_is_left_alone() {
        let young = |state| KnownHold { young: true, ..known(state, None) };
        assert_eq!(here(&young(None)), Verdict::Unsettled);
        assert_eq!(here(&young(Some(State::Released))), Verdict::Unsettled);
        let contested = |state| KnownHold { contested: true, ..known(state, Some(&NumberStatus::Reserved)) };
        assert_eq!(here(&contested(None)), WAIT);
        assert_eq!(here(&contested(Some(State::Released))), WAIT);
    }

    #[test]
    fn what_is_held_here_is_looked_for_there() {
        let (ours, other): (ExternalId, ExternalId) = ("PR-1".parse().unwrap(), "PR-2".parse().unwrap());
        let number = |state: Option<State>, status: &NumberStatus| HeldNumber {
            msisdn: "11999950001".parse().unwrap(),
            status: status.clone(),
            live: state.map(|state| LiveHold {
                reservation: crate::domain::ReservationId::new(),
                external_id: ours.clone(),
                state,
            }),
            young: false,
        };
        let differs = |remedy| Verdict::Differs(DifferenceKind::UnknownThere, remedy);
        let (reserved, in_use) = (&NumberStatus::Reserved, &NumberStatus::InUse);
        for (state, status, listed, verdict) in [
            (Some(State::Held), reserved, Some(&ours), Verdict::Agrees),
            (Some(State::Held), reserved, None, differs(Remedy::GiveBack)),
            (Some(State::Held), reserved, Some(&other), differs(Remedy::GiveBack)),
            (Some(State::Held), in_use, None, differs(Remedy::Person)),
            (Some(State::Assigned), in_use, None, differs(Remedy::Person)),
            (Some(State::Pending), reserved, None, Verdict::Unsettled),
            (Some(State::InDoubt), reserved, None, Verdict::Unsettled),
            (None, reserved, Some(&other), Verdict::Agrees),
            (None, reserved, None, differs(Remedy::Person)),
            (None, &NumberStatus::from("REMOVED"), None, Verdict::Agrees),
        ] {
            assert_eq!(there(&number(state, status), listed), verdict, "{state:?} {status:?} {listed:?}");
        }
        let young = HeldNumber { young: true, ..number(Some(State::Held), reserved) };
        assert_eq!(there(&young, None), Verdict::Unsettled);
    }
}

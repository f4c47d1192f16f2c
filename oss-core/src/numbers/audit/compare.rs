//! Compares one number here with its hold in Sigan. This module does no I/O, so that a table of tests covers every case.

use super::report::DifferenceKind;
use crate::domain::{AttemptState, ExternalId, NumberStatus};
use crate::store::{HeldNumber, KnownHold};

/// The result of comparing one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Both sides agree.
    Agrees,
    /// The number changed lately, or a call or the sweep is at work on it.
    Unsettled,
    /// The sides differ, and the remedy may be applied.
    Differs(DifferenceKind, Remedy),
}

/// The action that may settle a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Release the hold in Sigan.
    ReleaseStray,
    /// Give the number back here.
    GiveBack,
    /// Wait, because an attempt at the number, or the end of its hold, will settle it.
    Wait,
    /// No action by a program, because a customer may be on the line.
    Person,
}

/// The verdict on a hold that Sigan lists, by our record of it.
pub(super) fn verdict_on_listed(known: &KnownHold) -> Verdict {
    use AttemptState::{Assigned, Cancelling, Held, InDoubt, Pending, Rejected, Released, Releasing};
    use DifferenceKind::{StateDiffers, UnknownHere};
    use NumberStatus::{InUse, Reserved, Returned};
    match (known.state, &known.status) {
        // This service never acts on a number whose status it does not know.
        (_, Some(NumberStatus::Other(_))) if known.young => Verdict::Unsettled,
        (_, Some(NumberStatus::Other(_))) => Verdict::Differs(StateDiffers, Remedy::Person),
        (Some(Held | Assigned), Some(Reserved | InUse)) => Verdict::Agrees,
        (Some(Pending | InDoubt | Releasing | Cancelling), _) => Verdict::Unsettled,
        // Older data has the number, but not the hold.
        (None, Some(Reserved | InUse)) if !known.contested => Verdict::Agrees,
        _ if known.young => Verdict::Unsettled,
        // Another program gave the number back, and the sweep releases the hold at its end. Or another attempt is at the number.
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

/// The verdict on a number that is held here, by the id under which Sigan lists it.
pub(super) fn verdict_on_held(number: &HeldNumber, listed: Option<&ExternalId>) -> Verdict {
    use AttemptState::{Held, InDoubt, Pending};
    let differs = |remedy| Verdict::Differs(DifferenceKind::UnknownThere, remedy);
    match (&number.live, listed) {
        // The number is removed, or has another unknown status, so Sigan need not hold it for us. If Sigan does, the comparison of
        // its list reports that.
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
    use AttemptState as State;

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
    fn each_hold_that_sigan_lists_is_compared_with_our_record() {
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
            assert_eq!(verdict_on_listed(&known(state, status)), verdict, "{state:?} {status:?}");
        }
        let released_in_use = known(Some(State::Released), in_use);
        assert_eq!(verdict_on_listed(&released_in_use), PERSON, "a customer is on the line");
    }

    #[test]
    fn a_young_or_contested_hold_is_not_changed() {
        let young = |state| KnownHold { young: true, ..known(state, None) };
        assert_eq!(verdict_on_listed(&young(None)), Verdict::Unsettled);
        assert_eq!(verdict_on_listed(&young(Some(State::Released))), Verdict::Unsettled);
        let contested = |state| KnownHold { contested: true, ..known(state, Some(&NumberStatus::Reserved)) };
        assert_eq!(verdict_on_listed(&contested(None)), WAIT);
        assert_eq!(verdict_on_listed(&contested(Some(State::Released))), WAIT);
    }

    #[test]
    fn each_number_held_here_is_compared_with_sigans_list() {
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
            let held = number(state, status);
            assert_eq!(verdict_on_held(&held, listed), verdict, "{state:?} {status:?} {listed:?}");
        }
        let young = HeldNumber { young: true, ..number(Some(State::Held), reserved) };
        assert_eq!(verdict_on_held(&young, None), Verdict::Unsettled);
    }
}

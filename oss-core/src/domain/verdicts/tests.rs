//! The decisions, case by case.

use AttemptState as State;

use super::*;

fn asked(own: Option<OwnAttempt>) -> PreviewRow {
    PreviewRow {
        external_id: "PR-1".parse().unwrap(),
        brand: "acme".parse().unwrap(),
        open: true,
        gave_before: false,
        msisdn: Some("11999950001".parse().unwrap()),
        status: None,
        others: Others::default(),
        own,
    }
}

fn own(state: State, due: bool) -> OwnAttempt {
    let (id, msisdn) = (ReservationId::new(), "11999950001".parse().unwrap());
    let expires_at = DateTime::from_timestamp(1, 0);
    OwnAttempt { id, msisdn, state, attempts: 1, due, expires_at, leased: false }
}

#[test]
fn an_expired_preview_still_answers_for_the_number_it_gave() {
    let expired = PreviewRow { open: false, ..asked(Some(own(State::Held, false))) };
    let held = Reservation::new(expired.msisdn.unwrap(), DateTime::from_timestamp(1, 0));
    assert_eq!(expired.verdict(ReservationId::new()), Verdict::Answer(Begin::Held(held)));
    assert_eq!(
        PreviewRow { open: false, ..asked(None) }.verdict(ReservationId::new()),
        Verdict::Answer(Begin::Expired)
    );
}

#[test]
fn a_number_on_a_line_does_not_expire() {
    let on_line = asked(Some(own(State::Assigned, false)));
    let held = Reservation::new(on_line.msisdn.unwrap(), None);
    assert_eq!(on_line.verdict(ReservationId::new()), Verdict::Answer(Begin::Held(held)));
}

#[test]
fn only_a_hold_that_is_not_over_is_extended() {
    let refusal = |status: &str, state, due, ordered| {
        let live = Some(LiveAttempt { id: ReservationId::new(), state, due });
        NumberRow { status: status.into(), assigned_sim: None, live, ordered }.extend_refusal()
    };
    let forbidden = |status| Some(Extend::Forbidden(status));
    for (status, state, due, ordered, expected) in [
        ("RESERVED", State::Held, false, false, None),
        ("RESERVED", State::Held, true, false, forbidden(NumberStatus::Returned)),
        ("RESERVED", State::Held, true, true, None),
        ("RESERVED", State::Pending, true, false, Some(Extend::InFlight)),
        ("RESERVED", State::InDoubt, false, false, Some(Extend::InDoubt)),
        ("RESERVED", State::Assigned, false, false, forbidden(NumberStatus::InUse)),
        ("IN_USE", State::Held, false, false, forbidden(NumberStatus::InUse)),
        ("RETURNED", State::Pending, false, false, forbidden(NumberStatus::Returned)),
    ] {
        assert_eq!(refusal(status, state, due, ordered), expected, "{status} {state} {due} {ordered}");
    }
    let older = NumberRow { status: NumberStatus::Reserved, assigned_sim: None, live: None, ordered: false };
    assert_eq!(older.extend_refusal(), Some(Extend::Endless));
}

#[test]
fn only_a_returned_number_may_be_reserved() {
    for status in [NumberStatus::Reserved, NumberStatus::InUse, NumberStatus::from("REMOVED")] {
        let verdict = PreviewRow { status: Some(status), ..asked(None) }.verdict(ReservationId::new());
        assert!(matches!(verdict, Verdict::Answer(Begin::Taken(_))));
    }
    for status in [None, Some(NumberStatus::Returned)] {
        let verdict = PreviewRow { status, ..asked(None) }.verdict(ReservationId::new());
        assert!(matches!(verdict, Verdict::Start(_)));
    }
}

#[test]
fn an_attempt_is_taken_up_again_once_nobody_works_on_it() {
    assert!(matches!(
        asked(Some(own(State::InDoubt, false))).verdict(ReservationId::new()),
        Verdict::Resume(Lease { call: 2, .. })
    ));
    assert!(matches!(
        asked(Some(own(State::Pending, true))).verdict(ReservationId::new()),
        Verdict::Resume(_)
    ));
    assert_eq!(
        asked(Some(own(State::Pending, false))).verdict(ReservationId::new()),
        Verdict::Answer(Begin::InFlight)
    );
}

#[test]
fn an_attempt_that_is_being_cancelled_is_waited_for() {
    assert_eq!(
        asked(Some(own(State::Cancelling, true))).verdict(ReservationId::new()),
        Verdict::Answer(Begin::InFlight)
    );
    assert_eq!(State::Cancelling.blocks_other_choices(), Begin::OtherInFlight);
}

#[test]
fn a_repeated_call_is_told_what_became_of_the_first() {
    let told = |state, due, same_request| {
        let (external_id, brand) = ("PR-1".parse().unwrap(), "acme".parse().unwrap());
        KeyedRow { own: own(state, due), external_id, brand, status: None, same_request }.verdict()
    };
    assert!(matches!(told(State::Held, false, true), Keyed::Held(_)));
    assert_eq!(told(State::Held, true, true), Keyed::Spent, "it has expired");
    assert!(matches!(told(State::InDoubt, false, true), Keyed::Resumed(Lease { call: 2, .. })));
    assert!(matches!(told(State::Pending, true, true), Keyed::Resumed(_)));
    assert_eq!(told(State::Pending, false, true), Keyed::InFlight);
    assert_eq!(told(State::Cancelling, true, true), Keyed::InFlight);
    assert_eq!(told(State::Released, false, true), Keyed::Spent);
    assert_eq!(told(State::Held, false, false), Keyed::OtherRequest);
}

#[test]
fn an_expired_hold_is_not_given_again_unless_it_is_on_a_line() {
    let verdict =
        |status| PreviewRow { status, ..asked(Some(own(State::Held, true))) }.verdict(ReservationId::new());
    assert_eq!(verdict(Some(NumberStatus::Reserved)), Verdict::Answer(Begin::Used));
    assert!(matches!(verdict(Some(NumberStatus::InUse)), Verdict::Answer(Begin::Held(_))));
}

#[test]
fn a_hold_that_is_being_ended_is_not_begun_again() {
    let ending = Others { ending: true, ..Others::default() };
    for used in
        [PreviewRow { others: ending, ..asked(None) }, PreviewRow { gave_before: true, ..asked(None) }]
    {
        assert_eq!(used.verdict(ReservationId::new()), Verdict::Answer(Begin::Used));
    }
}

#[test]
fn an_attempt_that_is_not_settled_is_no_disagreement() {
    let unsettled = PreviewRow {
        others: Others { live: true, unsettled: true, ..Others::default() },
        status: Some(NumberStatus::Reserved),
        ..asked(None)
    };
    let verdict = unsettled.verdict(ReservationId::new());
    assert!(matches!(verdict, Verdict::Answer(Begin::Unsettled(_))));
}

#[test]
fn a_released_preview_gives_no_second_number() {
    for state in [State::Releasing, State::Released] {
        assert_eq!(asked(Some(own(state, true))).verdict(ReservationId::new()), Verdict::Answer(Begin::Used));
    }
}

fn number(status: NumberStatus, live: Option<(State, bool)>) -> NumberRow {
    let live = live.map(|(state, due)| LiveAttempt { id: ReservationId::new(), state, due });
    NumberRow { status, assigned_sim: None, live, ordered: false }
}

#[test]
fn a_reserved_number_is_released_unless_a_call_is_under_way() {
    let refusal = |status, live| number(status, live).release_refusal();
    assert_eq!(refusal(NumberStatus::Reserved, None), None, "older data");
    for live in [(State::Held, false), (State::Held, true), (State::InDoubt, false), (State::Pending, true)] {
        assert_eq!(refusal(NumberStatus::Reserved, Some(live)), None, "{live:?}");
    }
    assert_eq!(refusal(NumberStatus::Reserved, Some((State::Pending, false))), Some(Release::InFlight));
    assert_eq!(refusal(NumberStatus::Returned, None), Some(Release::AlreadyReturned));
    for status in [NumberStatus::InUse, NumberStatus::from("REMOVED")] {
        assert_eq!(refusal(status.clone(), None), Some(Release::Forbidden(status)));
    }
}

#[test]
fn a_reserved_number_is_assigned_once_its_hold_is_certain() {
    let [sim, other] = [SimId::from(uuid::Uuid::now_v7()), SimId::from(uuid::Uuid::now_v7())];
    let refusal = |status, live| number(status, live).assign_refusal(sim);
    assert_eq!(refusal(NumberStatus::Reserved, None), None, "older data");
    for state in [State::Held, State::Assigned] {
        assert_eq!(refusal(NumberStatus::Reserved, Some((state, true))), None, "{state}");
    }
    for state in [State::Pending, State::InDoubt] {
        assert_eq!(refusal(NumberStatus::Reserved, Some((state, true))), Some(Assign::InDoubt), "{state}");
    }
    for status in [NumberStatus::Returned, NumberStatus::from("REMOVED")] {
        assert_eq!(refusal(status.clone(), None), Some(Assign::Forbidden(status)));
    }
    let on = |sim| NumberRow { assigned_sim: Some(sim), ..number(NumberStatus::InUse, None) };
    assert_eq!(on(sim).assign_refusal(sim), Some(Assign::Assigned), "again, the same SIM");
    assert_eq!(on(other).assign_refusal(sim), Some(Assign::AssignedElsewhere));
}

#[test]
fn a_statement_that_is_run_again_finds_its_own_lease() {
    let leased = OwnAttempt { leased: true, ..own(State::Pending, false) };
    let verdict = asked(Some(leased)).verdict(ReservationId::new());
    assert!(matches!(verdict, Verdict::Answer(Begin::Started(Lease { call: 1, .. }))), "{verdict:?}");
    let (external_id, brand) = ("PR-1".parse().unwrap(), "acme".parse().unwrap());
    let own = OwnAttempt { leased: true, ..own(State::Pending, false) };
    let keyed = KeyedRow { own, external_id, brand, status: None, same_request: true }.verdict();
    assert!(matches!(keyed, Keyed::Resumed(Lease { call: 1, .. })), "{keyed:?}");
}

#[test]
fn another_choice_of_the_preview_waits_for_what_is_not_settled() {
    let other = |state| {
        let msisdn = "11999950002".parse().unwrap();
        asked(Some(OwnAttempt { msisdn, ..own(state, true) })).verdict(ReservationId::new())
    };
    for state in [State::Pending, State::InDoubt, State::Cancelling] {
        assert_eq!(other(state), Verdict::Answer(Begin::OtherInFlight), "{state}");
    }
    for state in [State::Held, State::Assigned, State::Releasing, State::Released] {
        assert_eq!(other(state), Verdict::Answer(Begin::Used), "{state}");
    }
}

#[test]
fn an_index_without_a_number_is_unknown() {
    let row = PreviewRow { msisdn: None, ..asked(None) };
    assert_eq!(row.verdict(ReservationId::new()), Verdict::Answer(Begin::UnknownChoice));
}

#[test]
fn a_number_that_is_live_elsewhere_is_taken() {
    let row = PreviewRow { others: Others { live: true, ..Others::default() }, ..asked(None) };
    assert!(matches!(row.verdict(ReservationId::new()), Verdict::Answer(Begin::Taken(_))));
}

#[test]
fn a_first_attempt_holds_the_chosen_number_for_the_brand_of_the_preview() {
    let (id, row) = (ReservationId::new(), asked(None));
    let (hold, brand) =
        (Hold { external_id: row.external_id.clone(), msisdn: row.msisdn.unwrap() }, row.brand.clone());
    let lease = Lease { reservation: id, call: 1, brand, hold };
    assert_eq!(row.verdict(id), Verdict::Start(lease));
}

#[test]
fn a_release_is_delivered_for_the_first_time() {
    let (id, msisdn) = (ReservationId::new(), "11999950001".parse().unwrap());
    let hold = Hold { external_id: "PR-1".parse().unwrap(), msisdn };
    let expected = Delivery { reservation: id, hold: hold.clone(), attempts: 0 };
    assert_eq!(delivery(id, hold.external_id, msisdn), expected);
}

//! The decision about an adoption, case by case.

use uuid::Uuid;

use super::*;

fn acme() -> Tenant {
    Tenant::new("acme".parse().unwrap(), false)
}

fn adoption(external_id: Option<&str>) -> Adoption {
    Adoption {
        msisdn: "11999950001".parse().unwrap(),
        sim: SimId::from(Uuid::from_u128(1)),
        external_id: external_id.map(|id| id.parse().unwrap()),
    }
}

/// A number that was never ours.
fn new_number() -> AdoptionRow {
    AdoptionRow {
        status: None,
        sim: None,
        sim_status: Some(SimStatus::Active),
        live: None,
        hold_is_over: false,
        ordered: false,
        offered_to: None,
        other_number: None,
    }
}

fn live(state: AttemptState) -> LiveRow {
    LiveRow {
        id: ReservationId::from(Uuid::from_u128(7)),
        external_id: "PR-1".parse().unwrap(),
        brand: "acme".to_owned(),
        state,
    }
}

/// A number that an attempt of the brand holds.
fn held(state: AttemptState) -> AdoptionRow {
    AdoptionRow { status: Some(NumberStatus::Reserved), live: Some(live(state)), ..new_number() }
}

/// A number that is on the line of the adoption's SIM.
fn on_line() -> AdoptionRow {
    AdoptionRow {
        status: Some(NumberStatus::InUse),
        sim: Some(adoption(None).sim),
        ..held(AttemptState::Assigned)
    }
}

fn refused(row: &AdoptionRow, external_id: Option<&str>) -> Option<AdoptRefusal> {
    match row.verdict(&acme(), &adoption(external_id)) {
        AdoptionVerdict::Answer(AdoptOutcome::Refused(refusal)) => Some(refusal),
        _ => None,
    }
}

#[test]
fn a_number_without_an_attempt_needs_the_id_of_its_hold() {
    let row = new_number();
    assert_eq!(row.verdict(&acme(), &adoption(None)), AdoptionVerdict::Answer(AdoptOutcome::NoExternalId));
    let write = AdoptionVerdict::Write { live: None, external_id: "PR-1".parse().unwrap() };
    assert_eq!(row.verdict(&acme(), &adoption(Some("PR-1"))), write);
}

#[test]
fn a_live_attempt_is_kept() {
    let write = AdoptionVerdict::Write {
        live: Some(live(AttemptState::Held).id),
        external_id: "PR-1".parse().unwrap(),
    };
    for state in [AttemptState::Held, AttemptState::Assigned] {
        assert_eq!(held(state).verdict(&acme(), &adoption(None)), write, "{state}");
        assert_eq!(held(state).verdict(&acme(), &adoption(Some("PR-1"))), write, "{state}");
    }
    assert_eq!(refused(&held(AttemptState::Held), Some("PR-2")), Some(AdoptRefusal::OtherHold));
    for state in [AttemptState::Pending, AttemptState::InDoubt] {
        assert_eq!(refused(&held(state), None), Some(AdoptRefusal::Unsettled), "{state}");
    }
}

#[test]
fn a_number_on_the_line_already_is_adopted_already() {
    let adopted = AdoptionVerdict::Answer(AdoptOutcome::Adopted("PR-1".parse().unwrap()));
    assert_eq!(on_line().verdict(&acme(), &adoption(None)), adopted);
    let not_recorded = AdoptionRow { live: Some(live(AttemptState::Held)), ..on_line() };
    assert!(matches!(not_recorded.verdict(&acme(), &adoption(None)), AdoptionVerdict::Write { .. }));
    let shared = AdoptionRow { other_number: Some(OtherNumber::Hidden), ..on_line() };
    assert_eq!(shared.verdict(&acme(), &adoption(None)), adopted, "older data that shares its SIM stays");
}

#[test]
fn a_line_has_one_sim_and_a_sim_one_number() {
    let sim = Some(SimId::from(Uuid::from_u128(2)));
    let elsewhere = AdoptionRow { sim, ..on_line() };
    assert_eq!(refused(&elsewhere, None), Some(AdoptRefusal::OtherSim));
    let other = OtherNumber::Hidden;
    for status in [NumberStatus::Reserved, NumberStatus::Returned] {
        let taken = AdoptionRow { other_number: Some(other), status: Some(status), ..new_number() };
        assert_eq!(refused(&taken, Some("PR-1")), Some(AdoptRefusal::SimHasNumber(other)));
    }
    let without_sim = AdoptionRow { other_number: Some(other), sim: None, ..on_line() };
    assert_eq!(refused(&without_sim, None), Some(AdoptRefusal::SimHasNumber(other)));
}

#[test]
fn only_an_active_sim_gets_a_number() {
    let with_sim = |sim_status| AdoptionRow { sim_status, ..held(AttemptState::Held) };
    let unknown = with_sim(None).verdict(&acme(), &adoption(None));
    assert_eq!(unknown, AdoptionVerdict::Answer(AdoptOutcome::UnknownSim));
    let ended = with_sim(Some(SimStatus::Deprogrammed));
    assert_eq!(refused(&ended, None), Some(AdoptRefusal::SimNotActive));
    let adopted = AdoptionVerdict::Answer(AdoptOutcome::Adopted("PR-1".parse().unwrap()));
    let before = AdoptionRow { sim_status: None, ..on_line() };
    assert_eq!(before.verdict(&acme(), &adoption(None)), adopted, "older data stays on its line");
}

#[test]
fn a_number_of_another_brand_or_program_is_left_alone() {
    let foreign = LiveRow { brand: "other".to_owned(), ..live(AttemptState::Held) };
    let row = AdoptionRow { live: Some(foreign), ..held(AttemptState::Held) };
    assert_eq!(refused(&row, None), Some(AdoptRefusal::OtherBrand));
    let offered = AdoptionRow { offered_to: Some("other".to_owned()), ..new_number() };
    assert_eq!(refused(&offered, Some("PR-1")), Some(AdoptRefusal::OtherBrand));
    let own = AdoptionRow { offered_to: Some("acme".to_owned()), ..new_number() };
    assert_eq!(refused(&own, Some("PR-1")), None);
    let unknown = AdoptionRow { status: Some(NumberStatus::from("REMOVED")), ..new_number() };
    assert_eq!(refused(&unknown, Some("PR-1")), Some(AdoptRefusal::UnknownStatus));
}

#[test]
fn older_data_belongs_to_the_brand_that_has_it() {
    let older = |status, sim| AdoptionRow { status: Some(status), sim, ..new_number() };
    for status in [NumberStatus::Reserved, NumberStatus::InUse] {
        let row = older(status, None);
        assert_eq!(refused(&row, Some("PR-1")), Some(AdoptRefusal::OtherBrand));
        let first = Tenant::new("acme".parse().unwrap(), true);
        assert!(matches!(row.verdict(&first, &adoption(Some("PR-1"))), AdoptionVerdict::Write { .. }));
    }
    let proven = older(NumberStatus::InUse, Some(adoption(None).sim));
    assert_eq!(refused(&proven, Some("PR-1")), None, "its SIM proves whose line it is");
    assert_eq!(refused(&older(NumberStatus::Returned, None), Some("PR-1")), None, "nobody has it");
}

#[test]
fn a_number_under_order_is_not_adopted() {
    let ordered = AdoptionRow { ordered: true, ..held(AttemptState::Held) };
    assert_eq!(refused(&ordered, None), Some(AdoptRefusal::Ordered));
}

#[test]
fn a_hold_that_is_over_is_not_adopted() {
    let over = AdoptionRow { hold_is_over: true, ..new_number() };
    assert_eq!(refused(&over, Some("PR-1")), Some(AdoptRefusal::HoldOver));
}

#[test]
fn each_refusal_has_a_code_and_a_text_of_its_own() {
    let refusals = [
        (AdoptRefusal::OtherSim, "assigned-elsewhere", "another SIM"),
        (AdoptRefusal::SimHasNumber(OtherNumber::Hidden), "sim-has-number", "already has another number"),
        (AdoptRefusal::SimNotActive, "sim-not-active", "not ACTIVE"),
        (AdoptRefusal::OtherBrand, "other-brand", "another brand"),
        (AdoptRefusal::OtherHold, "other-hold", "another external id"),
        (AdoptRefusal::HoldOver, "hold-over", "is released"),
        (AdoptRefusal::Unsettled, "number-in-doubt", "not settled"),
        (AdoptRefusal::Ordered, "order-in-flight", "an order of a SIM"),
        (AdoptRefusal::UnknownStatus, "number-state", "its status"),
        (AdoptRefusal::ReservedBrand, "reserved-brand", "`unknown`"),
    ];
    for (refusal, code, text) in refusals {
        assert_eq!(refusal.code(), code);
        assert!(refusal.to_string().contains(text), "{refusal}");
    }
}

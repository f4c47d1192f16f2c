//! The end of an attempt: the record after Sigan answered, or did not.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use oss_core::store::{Begin, Confirmed, Lease, Release, Scope};
use oss_core::{AttemptState as State, NumberStatus, ReservationId};

use super::Fixture;
use super::fixture::{LEASE, held_number, hold};

pub async fn a_confirmed_hold_is_recorded(db: &Fixture) {
    let preview = db.preview().await;
    let lease = db.started(&preview, 2).await;
    assert_eq!(db.states(lease.hold.msisdn).await, (None, vec![State::Pending]));
    assert!(matches!(db.store.confirm(&lease, LEASE).await.unwrap(), Confirmed::Held(_)));
    assert_eq!(db.states(lease.hold.msisdn).await, (Some(NumberStatus::Reserved), vec![State::Held]));
    let number = db.number(lease.hold.msisdn).await.unwrap();
    assert_eq!(number.line.unwrap().origin, "VIVO");
    assert_eq!(number.history[0].preview, Some(preview.id));
}

pub async fn a_hold_may_be_confirmed_again(db: &Fixture) {
    let lease = db.held(&db.preview().await, 1).await;
    assert!(matches!(db.store.confirm(&lease, LEASE).await.unwrap(), Confirmed::Held(_)));
    db.store.assign(Scope::AllBrands, lease.hold.msisdn, db.sim().await).await.unwrap();
    assert!(matches!(db.store.confirm(&lease, LEASE).await.unwrap(), Confirmed::Held(_)));
    assert_eq!(db.states(lease.hold.msisdn).await, (Some(NumberStatus::InUse), vec![State::Assigned]));
}

/// A failover may lose the row of an attempt while Sigan is asked.
pub async fn a_hold_without_a_row_is_released(db: &Fixture) {
    let preview = db.preview().await;
    let lost = Lease {
        reservation: ReservationId::new(),
        call: 1,
        brand: preview.brand.clone(),
        hold: hold(&preview, 1),
    };
    assert_eq!(db.store.confirm(&lost, LEASE).await.unwrap(), Confirmed::Missing);
    assert!(!db.store.doubt(&lost, "x", LEASE).await.unwrap());
    assert_eq!(db.store.cancel(&lost, "x", LEASE).await.unwrap(), None);
    let release = async || db.store.release_lost(&lost, "its row was lost", LEASE).await.unwrap();
    let delivery = release().await.expect("nobody else knows of it");
    assert_eq!(delivery.hold, lost.hold);
    assert_eq!(release().await, Some(delivery.clone()), "the same step again");
    assert_eq!(db.states(lost.hold.msisdn).await, (None, vec![State::Releasing]));
    assert_eq!(db.begin(&preview, 1).await, Begin::Used, "nobody is given what is being released");
    assert_eq!(db.store.record_delivery(delivery.reservation).await.unwrap(), Some(State::Released));
    assert_eq!(release().await, None, "it was delivered");
}

pub async fn a_hold_that_another_attempt_has_is_not_lost(db: &Fixture) {
    let preview = db.preview().await;
    let lost = Lease { reservation: ReservationId::new(), ..db.started(&preview, 1).await };
    assert_eq!(
        db.store.release_lost(&lost, "its row was lost", LEASE).await.unwrap(),
        None,
        "a repeat has it"
    );
    let held = db.held(&db.preview().await, 1).await;
    assert_eq!(db.store.release_lost(&held, "its row was lost", LEASE).await.unwrap(), None, "it has a row");

    // The customer chose another number meanwhile.
    let preview = db.preview().await;
    let other = db.held(&preview, 2).await;
    let lost = Lease { reservation: ReservationId::new(), hold: hold(&preview, 1), ..other };
    assert!(db.store.release_lost(&lost, "its row was lost", LEASE).await.unwrap().is_some());
    assert_eq!(held_number(&db.begin(&preview, 2).await), Some(preview.msisdns[1]));
}

/// A failover lost the row of a first call, and its customer asked again, so that another attempt has the hold. The effect of the
/// lost call remains although the other attempt's own first call was not sent.
pub async fn an_attempt_learns_of_the_lost_call_before_it(db: &Fixture) {
    let preview = db.preview().await;
    let again = db.started(&preview, 1).await;
    let lost = Lease { reservation: ReservationId::new(), ..again.clone() };
    assert_eq!(db.store.release_lost(&lost, "its row was lost", LEASE).await.unwrap(), None);
    db.store.reject(&again, "Sigan not reachable").await.unwrap();
    let (_, states) = db.states(again.hold.msisdn).await;
    assert_ne!(states, [State::Rejected], "Sigan may hold the number since the lost call");
}

/// A late confirmation of a refused attempt must not end the hold that a later attempt has under the same id.
pub async fn a_late_confirmation_spares_the_attempt_that_has_the_hold(db: &Fixture) {
    let preview = db.preview().await;
    let first = db.started(&preview, 1).await;
    db.store.reject(&first, "not sent").await.unwrap();
    let second = db.held(&preview, 1).await;
    assert_eq!(first.hold, second.hold);
    assert_eq!(db.store.confirm(&first, LEASE).await.unwrap(), Confirmed::Released);
    assert_eq!(db.states(first.hold.msisdn).await.1, [State::Held, State::Rejected]);
}

pub async fn a_doubt_keeps_the_number(db: &Fixture) {
    let lease = db.doubtful(&db.preview().await, 1).await;
    assert_eq!(db.states(lease.hold.msisdn).await, (Some(NumberStatus::Reserved), vec![State::InDoubt]));
    let reason = db.number(lease.hold.msisdn).await.unwrap().history[0].reason.clone();
    assert_eq!(reason.as_deref(), Some("no answer in time"));
    assert!(matches!(db.store.confirm(&lease, LEASE).await.unwrap(), Confirmed::Held(_)));
    assert_eq!(db.number(lease.hold.msisdn).await.unwrap().history[0].reason, None);
}

pub async fn a_doubt_of_an_older_call_changes_nothing(db: &Fixture) {
    let preview = db.preview().await;
    let old = db.doubtful(&preview, 1).await;
    let new = db.started(&preview, 1).await;
    db.store.doubt(&old, "late", LEASE).await.unwrap();
    assert_eq!(db.begin(&preview, 1).await, Begin::InFlight, "the newer call is still under way");
    db.store.confirm(&new, LEASE).await.unwrap();
    db.store.doubt(&new, "late", LEASE).await.unwrap();
    assert_eq!(db.states(new.hold.msisdn).await.1, [State::Held]);
}

pub async fn a_refusal_leaves_nothing(db: &Fixture) {
    let preview = db.preview().await;
    let lease = db.started(&preview, 1).await;
    db.store.reject(&lease, "taken").await.unwrap();
    assert_eq!(db.states(lease.hold.msisdn).await, (None, vec![State::Rejected]));
    assert!(
        matches!(db.begin(&preview, 2).await, Begin::Started(_)),
        "another number of the preview may be tried"
    );
}

pub async fn an_attempt_is_cancelled_before_it_is_rejected(db: &Fixture) {
    let preview = db.preview().await;
    db.doubtful(&preview, 1).await;
    let lease = db.started(&preview, 1).await;
    let delivery = db.store.cancel(&lease, "hold-over", LEASE).await.unwrap().expect("it is ours");
    assert_eq!((delivery.reservation, &delivery.hold), (lease.reservation, &lease.hold));
    assert_eq!(
        db.store.cancel(&lease, "hold-over", LEASE).await.unwrap(),
        Some(delivery.clone()),
        "again, the same"
    );
    let states = db.states(lease.hold.msisdn).await;
    assert_eq!(states, (Some(NumberStatus::Returned), vec![State::Cancelling]));
    assert_eq!(
        db.store.release(Scope::AllBrands, lease.hold.msisdn, LEASE).await.unwrap(),
        Release::AlreadyReturned
    );
    assert_eq!(db.begin(&preview, 1).await, Begin::InFlight, "until the cancellation was delivered");
    assert_eq!(db.begin(&preview, 2).await, Begin::OtherInFlight);
    assert_eq!(db.store.record_delivery(delivery.reservation).await.unwrap(), Some(State::Rejected));
    assert_eq!(db.store.record_delivery(delivery.reservation).await.unwrap(), None, "recorded before");
    let reason = db.number(lease.hold.msisdn).await.unwrap().history[0].reason.clone();
    assert_eq!(reason.as_deref(), Some("hold-over"));
    assert!(matches!(db.begin(&preview, 2).await, Begin::Started(_)), "another number may be tried");
}

pub async fn a_number_held_again_is_not_touched_by_an_old_cancellation(db: &Fixture) {
    let first = db.preview().await;
    db.doubtful(&first, 1).await;
    let lease = db.started(&first, 1).await;
    let delivery = db.store.cancel(&lease, "not held", LEASE).await.unwrap().expect("it is ours");
    let second = db.same_numbers(&first).await;
    db.held(&second, 1).await;
    let held = (Some(NumberStatus::Reserved), vec![State::Held, State::Cancelling]);
    assert_eq!(db.states(lease.hold.msisdn).await, held);
    assert_eq!(db.store.cancel(&lease, "not held", LEASE).await.unwrap(), Some(delivery), "the step again");
    assert_eq!(db.states(lease.hold.msisdn).await, held);
    db.store.record_delivery(lease.reservation).await.unwrap();
    let settled = (Some(NumberStatus::Reserved), vec![State::Held, State::Rejected]);
    assert_eq!(db.states(lease.hold.msisdn).await, settled);
}

pub async fn an_attempt_of_a_newer_call_is_not_cancelled(db: &Fixture) {
    let preview = db.preview().await;
    let old = db.doubtful(&preview, 1).await;
    let new = db.started(&preview, 1).await;
    assert_eq!(db.store.cancel(&old, "late", LEASE).await.unwrap(), None);
    db.store.confirm(&new, LEASE).await.unwrap();
    assert_eq!(db.store.cancel(&new, "late", LEASE).await.unwrap(), None, "held");
    assert_eq!(db.states(new.hold.msisdn).await, (Some(NumberStatus::Reserved), vec![State::Held]));
}

pub async fn an_attempt_that_is_being_cancelled_is_not_confirmed(db: &Fixture) {
    let preview = db.preview().await;
    let first = db.doubtful(&preview, 1).await;
    let second = db.started(&preview, 1).await;
    let delivery = db.store.cancel(&second, "not held", LEASE).await.unwrap().expect("it is ours");
    // The first call gets its answer late.
    assert_eq!(db.store.confirm(&first, LEASE).await.unwrap(), Confirmed::GivenUp(delivery));
    assert_eq!(db.states(first.hold.msisdn).await, (Some(NumberStatus::Returned), vec![State::Cancelling]));
}

pub async fn a_refusal_of_an_older_call_changes_nothing(db: &Fixture) {
    let preview = db.preview().await;
    let old = db.doubtful(&preview, 1).await;
    let new = db.started(&preview, 1).await;
    db.store.reject(&old, "late").await.unwrap();
    assert_eq!(db.begin(&preview, 1).await, Begin::InFlight);
    db.store.confirm(&new, LEASE).await.unwrap();
    db.store.reject(&new, "late").await.unwrap();
    assert_eq!(db.states(new.hold.msisdn).await, (Some(NumberStatus::Reserved), vec![State::Held]));
}

pub async fn a_hold_confirmed_after_it_was_given_up_is_released(db: &Fixture) {
    let lease = db.started(&db.preview().await, 1).await;
    db.store.reject(&lease, "lease over").await.unwrap();
    let Confirmed::GivenUp(delivery) = db.store.confirm(&lease, LEASE).await.unwrap() else {
        panic!("not given up")
    };
    assert_eq!(delivery.hold, lease.hold);
    assert_eq!(db.states(lease.hold.msisdn).await, (None, vec![State::Releasing, State::Rejected]));
    assert_eq!(db.store.record_delivery(delivery.reservation).await.unwrap(), Some(State::Released));
    assert_eq!(db.states(lease.hold.msisdn).await.1, [State::Released, State::Rejected]);
}

pub async fn a_hold_confirmed_after_it_was_released_stays_released(db: &Fixture) {
    let lease = db.doubtful(&db.preview().await, 1).await;
    db.store.release(Scope::AllBrands, lease.hold.msisdn, LEASE).await.unwrap();
    assert_eq!(db.store.confirm(&lease, LEASE).await.unwrap(), Confirmed::Released);
    assert_eq!(db.states(lease.hold.msisdn).await, (Some(NumberStatus::Returned), vec![State::Releasing]));
}

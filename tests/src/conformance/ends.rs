//! What is recorded after Sigan answered, or did not.
#![expect(
    missing_docs,
    clippy::missing_panics_doc,
    reason = "a behaviour's name says what it is, and it panics where a store lacks it"
)]

use oss_core::store::{Begin, Confirmed, Release};
use oss_core::{NumberStatus, ReservationState as State};

use super::Fixture;
use super::fixture::LEASE;

pub async fn a_confirmed_hold_is_recorded(db: &Fixture) {
    let preview = db.preview().await;
    let lease = db.started(&preview, 2).await;
    assert_eq!(db.states(lease.hold.msisdn).await, (None, vec![State::Pending]));
    assert_eq!(db.store.confirm(&lease, LEASE).await.unwrap(), Confirmed::Held);
    assert_eq!(db.states(lease.hold.msisdn).await, (Some(NumberStatus::Reserved), vec![State::Held]));
    let number = db.number(lease.hold.msisdn).await.unwrap();
    assert_eq!(number.line.unwrap().origin, "VIVO");
    assert_eq!(number.history[0].preview, Some(preview.id));
}

pub async fn a_hold_may_be_confirmed_again(db: &Fixture) {
    let lease = db.held(&db.preview().await, 1).await;
    assert_eq!(db.store.confirm(&lease, LEASE).await.unwrap(), Confirmed::Held);
    db.store.assign(None, lease.hold.msisdn, uuid::Uuid::now_v7().into()).await.unwrap();
    assert_eq!(db.store.confirm(&lease, LEASE).await.unwrap(), Confirmed::Held);
    assert_eq!(db.states(lease.hold.msisdn).await, (Some(NumberStatus::InUse), vec![State::Assigned]));
}

pub async fn a_doubt_keeps_the_number(db: &Fixture) {
    let lease = db.doubtful(&db.preview().await, 1).await;
    assert_eq!(db.states(lease.hold.msisdn).await, (Some(NumberStatus::Reserved), vec![State::InDoubt]));
    let reason = db.number(lease.hold.msisdn).await.unwrap().history[0].reason.clone();
    assert_eq!(reason.as_deref(), Some("no answer in time"));
    assert_eq!(db.store.confirm(&lease, LEASE).await.unwrap(), Confirmed::Held);
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
    assert_eq!(db.store.release(None, lease.hold.msisdn, LEASE).await.unwrap(), Release::AlreadyReturned);
    assert_eq!(db.begin(&preview, 1).await, Begin::InFlight, "until Sigan has been told");
    assert_eq!(db.begin(&preview, 2).await, Begin::OtherInFlight);
    assert_eq!(db.store.delivered(delivery.reservation).await.unwrap(), Some(State::Rejected));
    assert_eq!(db.store.delivered(delivery.reservation).await.unwrap(), None, "told before");
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
    db.store.delivered(lease.reservation).await.unwrap();
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

pub async fn nobody_confirms_what_is_being_cancelled(db: &Fixture) {
    let preview = db.preview().await;
    let first = db.doubtful(&preview, 1).await;
    let second = db.started(&preview, 1).await;
    let delivery = db.store.cancel(&second, "not held", LEASE).await.unwrap().expect("it is ours");
    // The first call has its answer at last.
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
    assert_eq!(db.store.delivered(delivery.reservation).await.unwrap(), Some(State::Released));
    assert_eq!(db.states(lease.hold.msisdn).await.1, [State::Released, State::Rejected]);
}

pub async fn a_hold_confirmed_after_it_was_released_stays_released(db: &Fixture) {
    let lease = db.doubtful(&db.preview().await, 1).await;
    db.store.release(None, lease.hold.msisdn, LEASE).await.unwrap();
    assert_eq!(db.store.confirm(&lease, LEASE).await.unwrap(), Confirmed::Released);
    assert_eq!(db.states(lease.hold.msisdn).await, (Some(NumberStatus::Returned), vec![State::Releasing]));
}

//! Release of numbers.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use oss_core::store::{Begin, Delivery, Release, Scope};
use oss_core::{AttemptState as State, NumberStatus};

use super::Fixture;
use super::fixture::{LAPSED, LEASE, hold};

pub async fn a_number_is_given_back_once(db: &Fixture) {
    let lease = db.held(&db.preview().await, 1).await;
    let msisdn = lease.hold.msisdn;
    let delivery = Delivery { reservation: lease.reservation, hold: lease.hold, attempts: 0 };
    assert_eq!(
        db.store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap(),
        Release::Returned(Some(delivery))
    );
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::Returned), vec![State::Releasing]));
    assert_eq!(db.store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap(), Release::AlreadyReturned);
}

pub async fn only_a_reserved_number_is_given_back(db: &Fixture) {
    let preview = db.preview().await;
    assert_eq!(
        db.store.release(Scope::AllBrands, preview.msisdns[0], LEASE).await.unwrap(),
        Release::Unknown
    );
    db.held(&preview, 1).await;
    db.store.assign(Scope::AllBrands, preview.msisdns[0], db.sim().await).await.unwrap();
    let forbidden = Release::Forbidden(NumberStatus::InUse);
    assert_eq!(db.store.release(Scope::AllBrands, preview.msisdns[0], LEASE).await.unwrap(), forbidden);
    assert_eq!(db.states(preview.msisdns[0]).await.1, [State::Assigned]);
}

pub async fn a_call_under_way_bars_a_release(db: &Fixture) {
    let preview = db.preview().await;
    let msisdn = db.doubtful(&preview, 1).await.hold.msisdn;
    assert!(matches!(db.begin(&preview, 1).await, Begin::Started(_)));
    assert_eq!(db.store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap(), Release::InFlight);
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::Reserved), vec![State::Pending]));
}

pub async fn a_doubt_is_released(db: &Fixture) {
    let preview = db.preview().await;
    let msisdn = db.doubtful(&preview, 1).await.hold.msisdn;
    // The call that asked again died: its lease ran out.
    assert!(matches!(db.begin_for(&preview, 1, LAPSED).await, Begin::Started(_)));
    assert!(matches!(
        db.store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap(),
        Release::Returned(Some(_))
    ));
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::Returned), vec![State::Releasing]));
}

pub async fn a_released_preview_gives_no_number(db: &Fixture) {
    let preview = db.preview().await;
    let lease = db.held(&preview, 1).await;
    db.store.release(Scope::AllBrands, lease.hold.msisdn, LEASE).await.unwrap();
    assert_eq!(db.begin(&preview, 1).await, Begin::Used);
    assert_eq!(db.begin(&preview, 2).await, Begin::Used);
    db.store.record_delivery(lease.reservation).await.unwrap();
    assert_eq!(db.begin(&preview, 1).await, Begin::Used);
}

pub async fn a_released_number_may_be_held_again(db: &Fixture) {
    let first = db.preview().await;
    db.held(&first, 1).await;
    db.store.release(Scope::AllBrands, first.msisdns[0], LEASE).await.unwrap();
    let second = db.same_numbers(&first).await;
    db.held(&second, 1).await;
    let states = (Some(NumberStatus::Reserved), vec![State::Held, State::Releasing]);
    assert_eq!(db.states(first.msisdns[0]).await, states, "the delivery of the old release is pending");
    let Release::Returned(Some(delivery)) =
        db.store.release(Scope::AllBrands, first.msisdns[0], LEASE).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(delivery.hold, hold(&second, 1), "the newer hold is named, not the older");
}

pub async fn a_delivery_is_settled(db: &Fixture) {
    let lease = db.held(&db.preview().await, 1).await;
    let held = db.store.record_delivery(lease.reservation).await.unwrap();
    assert_eq!((held, db.states(lease.hold.msisdn).await.1), (None, vec![State::Held]), "not being released");
    let Release::Returned(Some(delivery)) =
        db.store.release(Scope::AllBrands, lease.hold.msisdn, LEASE).await.unwrap()
    else {
        panic!("no delivery")
    };
    let newer = Delivery { attempts: 1, ..delivery.clone() };
    db.store.record_failed_delivery(&newer, "not of this claim", LEASE).await.unwrap();
    assert_eq!(db.number(lease.hold.msisdn).await.unwrap().history[0].reason, None);
    db.store.record_failed_delivery(&delivery, "not-reachable", LEASE).await.unwrap();
    let number = db.number(lease.hold.msisdn).await.unwrap();
    assert_eq!(number.history[0].state, State::Releasing);
    assert_eq!(number.history[0].reason.as_deref(), Some("not-reachable"));
    assert_eq!(db.store.record_delivery(lease.reservation).await.unwrap(), Some(State::Released));
    let number = db.number(lease.hold.msisdn).await.unwrap();
    assert_eq!((number.history[0].state, number.history[0].reason.as_deref()), (State::Released, None));
}

pub async fn a_look_at_a_release_changes_nothing(db: &Fixture) {
    let held = db.held(&db.preview().await, 1).await.hold.msisdn;
    let doubt = db.doubtful(&db.preview().await, 1).await.hold.msisdn;
    let line = db.held(&db.preview().await, 1).await.hold.msisdn;
    db.store.assign(Scope::AllBrands, line, db.sim().await).await.unwrap();
    let gone = db.held(&db.preview().await, 1).await.hold.msisdn;
    db.store.release(Scope::AllBrands, gone, LEASE).await.unwrap();
    let preview = db.preview().await;
    let asked = db.started(&preview, 1).await;
    db.store.doubt(&asked, "x", LEASE).await.unwrap();
    db.started(&preview, 1).await;
    for (msisdn, expected) in [
        (held, Release::Returned(None)),
        (doubt, Release::Returned(None)),
        (line, Release::Forbidden(NumberStatus::InUse)),
        (gone, Release::AlreadyReturned),
        (asked.hold.msisdn, Release::InFlight),
        (db.offer().msisdns[0], Release::Unknown),
    ] {
        let before = db.number(msisdn).await;
        assert_eq!(db.store.look_at_release(Scope::AllBrands, msisdn).await.unwrap(), expected);
        assert_eq!(db.number(msisdn).await, before);
    }
    let stranger = super::fixture::other();
    let looked = db.store.look_at_release(Scope::Brand(&stranger), held).await.unwrap();
    assert_eq!(looked, Release::Unknown, "it is another brand's");
}

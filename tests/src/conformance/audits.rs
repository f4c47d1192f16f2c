//! The rows here for the holds that Sigan lists, and the holds that Sigan should list.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::time::Duration;

use chrono::{DateTime, Utc};
use oss_core::sigan::{Hold, ListedHold};
use oss_core::store::{Begin, Delivery, HeldNumber, KnownHold, Range, Release, Scope, Tenant};
use oss_core::{AttemptState as State, NumberStatus, ReservationId};

use super::Fixture;
use super::fixture::{LEASE, acme, hold, other};

const ALL: Range = Range { after: None, until: None };
const NOTHING_IS_YOUNG: Duration = Duration::ZERO;
const EVERYTHING_IS_YOUNG: Duration = Duration::from_hours(1);

/// The numbers that a tenant holds.
async fn held(db: &Fixture, tenant: &Tenant) -> Vec<HeldNumber> {
    db.store.held_numbers(tenant, ALL, NOTHING_IS_YOUNG, 10).await.unwrap().numbers
}

fn listed(hold: Hold) -> ListedHold {
    let long_ago = DateTime::<Utc>::from_timestamp(1_700_000_000, 0).expect("a time");
    ListedHold::new(hold, long_ago)
}

fn known(state: Option<State>, status: Option<NumberStatus>) -> KnownHold {
    KnownHold { state, status, contested: false, young: false }
}

pub async fn a_listed_hold_is_found_by_number_and_id(db: &Fixture) {
    let first = db.preview().await;
    let held = db.held(&first, 1).await;
    let second = db.same_numbers(&first).await;
    let released = db.held(&db.preview().await, 1).await;
    let Release::Returned(Some(delivery)) =
        db.store.release(Scope::AllBrands, released.hold.msisdn, LEASE).await.unwrap()
    else {
        panic!("no delivery")
    };
    db.store.record_delivery(delivery.reservation).await.unwrap();
    let stranger = hold(&db.offer(), 1);
    let asked = [stranger, held.hold, hold(&second, 1), released.hold].map(listed);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let found = db.store.known_holds(&asked, NOTHING_IS_YOUNG).await.unwrap();
    let expected = [
        known(None, None),
        known(Some(State::Held), Some(NumberStatus::Reserved)),
        KnownHold { contested: true, ..known(None, Some(NumberStatus::Reserved)) },
        known(Some(State::Released), Some(NumberStatus::Returned)),
    ];
    assert_eq!(found, expected, "in their order");
    let young: Vec<bool> = db
        .store
        .known_holds(&asked, EVERYTHING_IS_YOUNG)
        .await
        .unwrap()
        .iter()
        .map(|known| known.young)
        .collect();
    assert_eq!(young, [false, true, false, true], "what changed here just now");
    assert_eq!(db.store.known_holds(&[], NOTHING_IS_YOUNG).await.unwrap(), []);
}

pub async fn held_numbers_come_in_pages(db: &Fixture) {
    let before = db.store.count_held_numbers().await.unwrap();
    let mut numbers = Vec::new();
    for _ in 0..5 {
        numbers.push(db.held(&db.preview().await, 1).await.hold.msisdn);
    }
    let given_back = db.held(&db.preview().await, 1).await.hold.msisdn;
    db.store.release(Scope::AllBrands, given_back, LEASE).await.unwrap();
    let doubtful = db.doubtful(&db.preview().await, 1).await.hold.msisdn;
    numbers.push(doubtful);
    tokio::time::sleep(Duration::from_millis(5)).await;

    let mut walked = Vec::new();
    let mut range = ALL;
    loop {
        let page = db.store.held_numbers(&acme(), range.clone(), NOTHING_IS_YOUNG, 2).await.unwrap();
        assert!(page.numbers.iter().all(|number| !number.young) && page.unreadable.is_empty());
        walked.extend(page.numbers.iter().map(|number| number.msisdn));
        range.after = page.next;
        if range.after.is_none() {
            break;
        }
    }
    assert_eq!(walked, numbers, "in order, without what was given back");
    assert_eq!(db.store.count_held_numbers().await.unwrap() - before, 6, "as many as are walked");
    assert_eq!(held(db, &other()).await, []);
    let part = Range { after: Some(numbers[0].to_string()), until: Some(numbers[2]) };
    let part = db.store.held_numbers(&acme(), part, EVERYTHING_IS_YOUNG, 10).await.unwrap().numbers;
    assert_eq!(part.iter().map(|number| number.msisdn).collect::<Vec<_>>(), numbers[1..=2]);
    assert!(
        part.iter()
            .all(|number| number.young && number.live.as_ref().is_some_and(|live| live.state == State::Held))
    );
}

pub async fn a_stray_is_recorded_before_it_is_released(db: &Fixture) {
    let (offer, id) = (db.offer(), ReservationId::new());
    let stray = hold(&offer, 1);
    let release =
        async |id, hold: &Hold| db.store.release_stray(id, hold, &offer.brand, LEASE).await.unwrap();
    let delivery = Delivery { reservation: id, hold: stray.clone(), attempts: 0 };
    assert_eq!(release(id, &stray).await, Some(delivery.clone()));
    assert_eq!(release(id, &stray).await, Some(delivery), "the same step again");
    assert_eq!(db.states(stray.msisdn).await, (None, vec![State::Releasing]));
    assert_eq!(release(ReservationId::new(), &stray).await, None, "it is being released");
    db.store.record_delivery(id).await.unwrap();
    assert!(release(ReservationId::new(), &stray).await.is_some(), "Sigan lists it again");
}

/// During the delivery of the release, Sigan would answer "already yours" to a repeated reserve, which would then lose the number.
pub async fn a_stray_of_an_open_preview_bars_its_reserve(db: &Fixture) {
    let preview = db.preview().await;
    let stray = hold(&preview, 1);
    let id = ReservationId::new();
    let release = db.store.release_stray(id, &stray, &preview.brand, LEASE).await.unwrap();
    assert_eq!(release.map(|delivery| delivery.hold), Some(stray.clone()));
    assert_eq!(db.begin(&preview, 1).await, Begin::Used);
    assert_eq!(db.begin(&preview, 2).await, Begin::Used, "a preview gives one number");
    assert_eq!(db.number(stray.msisdn).await.unwrap().history[0].preview, Some(preview.id));
    db.store.record_delivery(id).await.unwrap();
    assert_eq!(db.begin(&preview, 1).await, Begin::Used, "the hold is over");
}

/// The preview has given another number, which is refused during the delivery: the hold itself bars the reserve.
pub async fn a_stray_of_a_used_preview_bars_its_reserve(db: &Fixture) {
    let preview = db.preview().await;
    let stray = hold(&preview, 1);
    let other = db.started(&preview, 2).await;
    let release = db.store.release_stray(ReservationId::new(), &stray, &preview.brand, LEASE).await.unwrap();
    assert!(release.is_some());
    db.store.reject(&other, "taken").await.unwrap();
    assert_eq!(db.begin(&preview, 1).await, Begin::Used);
    assert_eq!(db.states(stray.msisdn).await, (None, vec![State::Releasing]));
}

pub async fn a_stray_is_left_to_the_reserve_that_began_first(db: &Fixture) {
    let preview = db.preview().await;
    let lease = db.started(&preview, 1).await;
    let release = async || {
        db.store.release_stray(ReservationId::new(), &lease.hold, &preview.brand, LEASE).await.unwrap()
    };
    assert_eq!(release().await, None, "a call is under way");
    db.store.confirm(&lease, LEASE).await.unwrap();
    assert_eq!(release().await, None, "held");
    assert_eq!(db.states(lease.hold.msisdn).await, (Some(NumberStatus::Reserved), vec![State::Held]));
}

pub async fn a_number_that_is_held_here_is_no_stray(db: &Fixture) {
    let preview = db.preview().await;
    let foreign = hold(&db.same_numbers(&preview).await, 1);
    let release =
        async || db.store.release_stray(ReservationId::new(), &foreign, &preview.brand, LEASE).await.unwrap();
    let lease = db.started(&preview, 1).await;
    assert_eq!(release().await, None, "a call is under way");
    db.store.confirm(&lease, LEASE).await.unwrap();
    assert_eq!(release().await, None, "held");
    db.store.assign(Scope::AllBrands, lease.hold.msisdn, db.sim().await).await.unwrap();
    assert_eq!(release().await, None, "on a line");
    assert_eq!(db.states(lease.hold.msisdn).await, (Some(NumberStatus::InUse), vec![State::Assigned]));
}

pub async fn only_an_idle_hold_is_given_back_as_lost(db: &Fixture) {
    let (held, assigned) = (db.held(&db.preview().await, 1).await, db.held(&db.preview().await, 1).await);
    db.store.assign(Scope::AllBrands, assigned.hold.msisdn, db.sim().await).await.unwrap();
    let lost = async |id| db.store.give_back_lost(id, "not held in Sigan", LEASE).await.unwrap();
    assert_eq!(lost(assigned.reservation).await, None, "a customer is on the line");
    assert_eq!(lost(held.reservation).await.map(|delivery| delivery.hold), Some(held.hold.clone()));
    assert_eq!(db.states(held.hold.msisdn).await, (Some(NumberStatus::Returned), vec![State::Releasing]));
    assert_eq!(lost(held.reservation).await, None, "once");
}

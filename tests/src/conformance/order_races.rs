//! Many calls at once about one number and its SIM: the database lets one win.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use oss_core::store::{Assign, BeginOrder, EndLine, IssuedOrder, NewOrder, OrderLease, Release, Scope};
use oss_core::{AttemptState as State, Msisdn, NumberStatus};

use super::Fixture;
use super::fixture::{LAPSED, LEASE};
use super::ordering::{again, made, replacement};
use super::races::at_once;

pub async fn thirty_orders_for_one_number(db: &Fixture) {
    let wish = db.wish(db.reserved().await).await;
    let begun = at_once(30, &db.store, |_, store| {
        let wish = again(&wish);
        async move { store.begin_order(Scope::AllBrands, &wish).await.unwrap() }
    });
    let begun = begun.await;
    let started = begun.iter().filter(|begun| matches!(begun, BeginOrder::Started(_))).count();
    assert_eq!(started, 1, "{begun:?}");
    assert_eq!(begun.iter().filter(|begun| **begun == BeginOrder::InFlight).count(), 29, "{begun:?}");
    assert_eq!(db.database.count("select count(*) from sim_order").await, 1);
}

pub async fn thirty_calls_for_one_doubt(db: &Fixture) {
    let wish = db.wish(db.reserved().await).await;
    let lease = db.ordered(&wish).await;
    db.store.doubt_order(&lease, "x", LAPSED).await.unwrap();
    let begun = at_once(30, &db.store, |at, store| {
        let wish = again(&wish);
        // Some of them are sweeps.
        async move {
            if at % 10 == 0 {
                return store.claim_due_orders(10, LEASE).await.unwrap().due.len();
            }
            let begun = store.begin_order(Scope::AllBrands, &wish).await.unwrap();
            usize::from(matches!(begun, BeginOrder::Started(OrderLease { call: 2, .. })))
        }
    });
    assert_eq!(begun.await.into_iter().sum::<usize>(), 1);
}

/// The state of a number and its order after a race.
async fn after(db: &Fixture, wish: &NewOrder) -> (Option<NumberStatus>, Vec<State>, i64) {
    let (status, holds) = db.states(wish.msisdn).await;
    let id = db.database.uuid_literal(wish.id.as_uuid());
    (status, holds, db.database.count(&format!("select count(*) from sim_order where id = {id}")).await)
}

/// A number, and one of older data, which has no reservation.
async fn numbers(db: &Fixture) -> [(Msisdn, bool); 2] {
    let (older, now) = (db.offer().msisdns[0], db.database.now());
    let sql = format!(
        "insert into phone_number (msisdn, origin, status, created_at, updated_at)
         values ('{older}', 'VIVO', 'RESERVED', {now}, {now})"
    );
    db.database.execute(&sql).await;
    [(db.reserved().await, false), (older, true)]
}

pub async fn an_order_and_a_release(db: &Fixture) {
    for _ in 0..20 {
        for (msisdn, is_older) in numbers(db).await {
            let wish = db.wish(msisdn).await;
            let (begun, released) = tokio::join!(
                db.store.begin_order(Scope::AllBrands, &wish),
                db.store.release(Scope::AllBrands, msisdn, LEASE)
            );
            let (status, _, orders) = after(db, &wish).await;
            match (begun.unwrap(), released.unwrap()) {
                (BeginOrder::Started(_), Release::Ordered) => {
                    assert_eq!((status, orders), (Some(NumberStatus::Reserved), 1));
                }
                (BeginOrder::Forbidden(NumberStatus::Returned), Release::Returned(told)) => {
                    assert_eq!((status, orders, told.is_none()), (Some(NumberStatus::Returned), 0, is_older));
                }
                both => panic!("{both:?} cannot both be"),
            }
        }
    }
}

pub async fn an_order_and_an_expiry(db: &Fixture) {
    for _ in 0..20 {
        let held = db.started(&db.preview().await, 1).await;
        db.store.confirm(&held, LAPSED).await.unwrap();
        let wish = db.wish(held.hold.msisdn).await;
        let (begun, settled) =
            tokio::join!(db.store.begin_order(Scope::AllBrands, &wish), db.store.settle_overdue(100));
        let states = after(db, &wish).await;
        match (begun.unwrap(), settled.unwrap().expired) {
            (BeginOrder::Started(lease), 0) => {
                assert_eq!(states, (Some(NumberStatus::Reserved), vec![State::Held], 1));
                db.store.issue(&lease, &made(&lease), LEASE).await.unwrap();
            }
            (BeginOrder::Forbidden(NumberStatus::Returned), 1) => {
                assert_eq!(states, (Some(NumberStatus::Returned), vec![State::Releasing], 0));
            }
            both => panic!("{both:?} cannot both be"),
        }
    }
}

pub async fn an_order_and_an_assignment(db: &Fixture) {
    for _ in 0..20 {
        for (msisdn, _) in numbers(db).await {
            let (wish, sim) = (db.wish(msisdn).await, db.sim().await);
            let (begun, assigned) = tokio::join!(
                db.store.begin_order(Scope::AllBrands, &wish),
                db.store.assign(Scope::AllBrands, msisdn, sim)
            );
            let (status, _, orders) = after(db, &wish).await;
            match (begun.unwrap(), assigned.unwrap()) {
                (BeginOrder::Started(_), Assign::Ordered) => {
                    assert_eq!((status, orders), (Some(NumberStatus::Reserved), 1));
                }
                (BeginOrder::Forbidden(NumberStatus::InUse), Assign::Assigned) => {
                    assert_eq!((status, orders), (Some(NumberStatus::InUse), 0));
                    assert_eq!(db.sim_of(msisdn).await, Some(sim));
                }
                both => panic!("{both:?} cannot both be"),
            }
        }
    }
}

pub async fn a_replacement_and_an_end(db: &Fixture) {
    for _ in 0..20 {
        let first = db.in_use().await;
        let wish = replacement(&db.wish(first.msisdn).await, db.card().await);
        let (begun, ended) = tokio::join!(
            db.store.begin_order(Scope::AllBrands, &wish),
            db.store.end_line(Scope::AllBrands, first.msisdn, LEASE)
        );
        let states = after(db, &wish).await;
        match (begun.unwrap(), ended.unwrap()) {
            (BeginOrder::Started(_), EndLine::InFlight) => {
                assert_eq!(states, (Some(NumberStatus::InUse), vec![State::Assigned], 1));
            }
            (BeginOrder::Forbidden(NumberStatus::Returned), EndLine::Ended(Some(_))) => {
                assert_eq!(states, (Some(NumberStatus::Returned), vec![State::Releasing], 0));
            }
            both => panic!("{both:?} cannot both be"),
        }
    }
}

/// GSIM's answer to an order comes while the sweep gives the order up.
pub async fn an_issue_and_a_cancellation(db: &Fixture) {
    for _ in 0..20 {
        let wish = db.wish(db.reserved().await).await;
        let lease = db.ordered(&wish).await;
        let made = made(&lease);
        let (issued, cancelled) =
            tokio::join!(db.store.issue(&lease, &made, LEASE), db.store.cancel_order(&lease, "x", LEASE));
        match (issued.unwrap(), cancelled.unwrap()) {
            (IssuedOrder::Issued(None), None) => {
                assert_eq!(db.order_state(wish.id).await, State::Held);
            }
            (IssuedOrder::GivenUp(Some(told)), Some(own)) => {
                assert_eq!((told, db.order_state(wish.id).await), (own, State::Cancelling));
            }
            both => panic!("{both:?} cannot both be"),
        }
    }
}

pub async fn thirty_ends_of_one_line(db: &Fixture) {
    let msisdn = db.in_use().await.msisdn;
    let ended = at_once(30, &db.store, |_, store| async move {
        store.end_line(Scope::AllBrands, msisdn, LEASE).await.unwrap()
    });
    let ended = ended.await;
    assert_eq!(ended.iter().filter(|end| matches!(end, EndLine::Ended(Some(_)))).count(), 1, "{ended:?}");
    assert_eq!(ended.iter().filter(|end| **end == EndLine::AlreadyEnded).count(), 29, "{ended:?}");
}

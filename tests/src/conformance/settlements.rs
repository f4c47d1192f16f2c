//! The claims of one number's rows, before they are due.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::time::Duration;

use futures::future::join_all;
use oss_core::store::{
    Begin, Confirmed, Delivery, Due, DueOrder, NewOrder, NumberClaims, OrderLease, Scope, SimDelivery,
};
use oss_core::{AttemptState as State, Msisdn, SimType};

use super::Fixture;
use super::fixture::{LAPSED, LEASE, acme, other};

/// A time until the next attempt that is longer than any lease.
const LATER: Duration = Duration::from_hours(1);

async fn claim(db: &Fixture, msisdn: Msisdn) -> NumberClaims<Due> {
    let claims = db.store.claim_attempt_of(Scope::AllBrands, msisdn, LEASE).await.unwrap();
    assert_eq!(claims.set_aside, []);
    claims
}

async fn claim_orders(db: &Fixture, msisdn: Msisdn) -> NumberClaims<DueOrder> {
    let claims = db.store.claim_orders_of(Scope::AllBrands, msisdn, LEASE).await.unwrap();
    assert_eq!(claims.set_aside, []);
    claims
}

/// Nothing is claimed, and a row may have the lease of another call.
fn is_busy<T>(claims: &NumberClaims<T>) -> bool {
    claims.due.is_empty() && claims.busy_for.is_some_and(|wait| wait <= LEASE)
}

/// Nothing is claimed, and there is nothing to claim.
fn is_settled<T>(claims: &NumberClaims<T>) -> bool {
    claims.due.is_empty() && claims.busy_for.is_none()
}

pub async fn a_doubt_is_claimed_before_it_is_due(db: &Fixture) {
    let preview = db.preview().await;
    let doubt = db.doubtful(&preview, 1).await;
    let claims = claim(db, doubt.hold.msisdn).await;
    let [Due::Doubtful { lease, nameable: true }] = &claims.due[..] else { panic!("{claims:?}") };
    assert_eq!((lease.reservation, lease.call, &lease.hold), (doubt.reservation, 2, &doubt.hold));
    assert_eq!(claims.busy_for, None);
    assert_eq!(db.states(doubt.hold.msisdn).await.1, [State::Pending]);
    assert!(is_busy(&claim(db, doubt.hold.msisdn).await), "it has a lease now");
    assert_eq!(db.begin(&preview, 1).await, Begin::InFlight, "nobody else asks meanwhile");
    assert!(!db.store.doubt(&doubt, "late", LEASE).await.unwrap(), "the claim has it");
    assert!(matches!(db.store.confirm(lease, LEASE).await.unwrap(), Confirmed::Held(_)));
    assert!(is_settled(&claim(db, doubt.hold.msisdn).await));
}

pub async fn a_call_under_way_is_left_until_its_lease_ends(db: &Fixture) {
    let running = db.started(&db.preview().await, 1).await;
    assert!(is_busy(&claim(db, running.hold.msisdn).await));
    let Begin::Started(dead) = db.begin_for(&db.preview().await, 1, LAPSED).await else { panic!("no lease") };
    let claims = claim(db, dead.hold.msisdn).await;
    let [Due::Doubtful { lease, .. }] = &claims.due[..] else { panic!("{claims:?}") };
    assert_eq!((lease.reservation, lease.call), (dead.reservation, 2));
    assert!(matches!(db.store.confirm(lease, LEASE).await.unwrap(), Confirmed::Held(_)));
    assert_eq!(db.states(dead.hold.msisdn).await.1, [State::Held]);
}

pub async fn a_delivery_is_claimed_unless_another_call_may_have_it(db: &Fixture) {
    let cancelled = db.started(&db.preview().await, 1).await;
    let cancellation = db.store.cancel(&cancelled, "x", LEASE).await.unwrap().unwrap();
    let held = db.held(&db.preview().await, 1).await;
    db.store.release(Scope::AllBrands, held.hold.msisdn, LEASE).await.unwrap();
    let release = Delivery { reservation: held.reservation, hold: held.hold.clone(), attempts: 0 };
    for delivery in [cancellation, release] {
        let msisdn = delivery.hold.msisdn;
        assert!(is_busy(&claim(db, msisdn).await), "it has a lease");
        for retry_in in [LATER, LAPSED] {
            let attempts = claimed_attempts(db, &delivery).await;
            let failed = Delivery { attempts, ..delivery.clone() };
            db.store.record_failed_delivery(&failed, "down", retry_in).await.unwrap();
            let next = Delivery { attempts: attempts + 1, ..delivery.clone() };
            assert_eq!(claim(db, msisdn).await.due, [Due::Delivery(next)], "{retry_in:?}");
            assert!(is_busy(&claim(db, msisdn).await));
        }
        db.store.record_delivery(delivery.reservation).await.unwrap();
        assert!(is_settled(&claim(db, msisdn).await));
    }
}

/// The count of the calls about a delivery so far.
async fn claimed_attempts(db: &Fixture, delivery: &Delivery) -> i32 {
    let id = db.database.uuid_literal(delivery.reservation.as_uuid());
    let attempts =
        db.database.count(&format!("select cast(attempts as bigint) from reservation where id = {id}")).await;
    attempts.try_into().unwrap()
}

pub async fn a_settled_number_is_not_claimed(db: &Fixture) {
    let held = db.held(&db.preview().await, 1).await;
    assert!(is_settled(&claim(db, held.hold.msisdn).await));
    assert!(is_settled(&claim_orders(db, held.hold.msisdn).await));
    assert!(is_settled(&claim(db, "11900000009".parse().unwrap()).await), "it is not known");
}

pub async fn a_number_is_claimed_for_its_brand_alone(db: &Fixture) {
    let doubt = db.doubtful(&db.preview().await, 1).await;
    let order = db.ordered(&db.wish(db.reserved().await).await).await;
    db.store.doubt_order(&order, "x", LEASE).await.unwrap();
    let stranger = other();
    let claims = db.store.claim_attempt_of(Scope::Brand(&stranger), doubt.hold.msisdn, LEASE).await.unwrap();
    assert!(is_settled(&claims), "{claims:?}");
    let claims = db.store.claim_orders_of(Scope::Brand(&stranger), order.msisdn, LEASE).await.unwrap();
    assert!(is_settled(&claims), "{claims:?}");
    let own = acme();
    let claims = db.store.claim_attempt_of(Scope::Brand(&own), doubt.hold.msisdn, LEASE).await.unwrap();
    assert_eq!(claims.due.len(), 1);
    let claims = db.store.claim_orders_of(Scope::Brand(&own), order.msisdn, LEASE).await.unwrap();
    assert_eq!(claims.due.len(), 1);
}

pub async fn each_number_is_claimed_by_one(db: &Fixture) {
    let doubt = db.doubtful(&db.preview().await, 1).await;
    let order = db.ordered(&db.wish(db.reserved().await).await).await;
    db.store.doubt_order(&order, "x", LAPSED).await.unwrap();
    let claims = join_all((0..8).map(|_| claim(db, doubt.hold.msisdn))).await;
    assert_eq!(claims.iter().filter(|claims| claims.due.len() == 1).count(), 1, "{claims:?}");
    assert_eq!(claims.iter().filter(|claims| is_busy(claims)).count(), 7, "{claims:?}");
    let sweep = async { db.store.claim_due_orders(10, LEASE).await.unwrap().due.len() };
    let settlements = join_all((0..8).map(|_| claim_orders(db, order.msisdn)));
    let (swept, claims) = futures::join!(sweep, settlements);
    let claimed = claims.iter().map(|claims| claims.due.len()).sum::<usize>();
    assert_eq!(swept + claimed, 1, "{claims:?}");
}

pub async fn an_order_is_claimed_before_it_is_due(db: &Fixture) {
    let doubt = db.ordered(&db.wish(db.reserved().await).await).await;
    assert!(is_busy(&claim_orders(db, doubt.msisdn).await), "a call is under way");
    db.store.doubt_order(&doubt, "x", LEASE).await.unwrap();
    let claims = claim_orders(db, doubt.msisdn).await;
    assert_eq!(claims.due, [DueOrder::Doubtful(OrderLease { call: 2, ..doubt.clone() })]);
    assert!(is_busy(&claim_orders(db, doubt.msisdn).await));
    assert!(is_settled(&claim(db, doubt.msisdn).await), "the number is held");
    let lapsed = db.ordered(&NewOrder { lease: LAPSED, ..db.wish(db.reserved().await).await }).await;
    let claims = claim_orders(db, lapsed.msisdn).await;
    assert_eq!(claims.due, [DueOrder::Doubtful(OrderLease { call: 2, ..lapsed })]);
}

pub async fn a_release_waits_for_the_last_sim(db: &Fixture) {
    let ended = db.in_use().await;
    db.store.end_line(Scope::AllBrands, ended.msisdn, LEASE).await.unwrap();
    assert!(is_busy(&claim_orders(db, ended.msisdn).await), "GSIM is being told");
    assert!(is_busy(&claim(db, ended.msisdn).await), "Sigan is told after GSIM");
    let told = |attempts| SimDelivery { order: ended.order, sim_type: SimType::Esim, attempts };
    db.store.record_failed_sim_delivery(&told(0), "down", LATER).await.unwrap();
    assert_eq!(claim_orders(db, ended.msisdn).await.due, [DueOrder::Delivery(told(1))]);
    db.store.record_sim_delivery(ended.order).await.unwrap();
    assert!(matches!(claim(db, ended.msisdn).await.due[..], [Due::Delivery(_)]));
}

/// A reader that begins at a time must find each later event after it.
pub async fn a_lapsed_call_is_told_when_it_is_claimed(db: &Fixture) {
    let start = db.now().await;
    let mut wishes = Vec::new();
    for _ in 0..2 {
        wishes.push(NewOrder { lease: LAPSED, ..db.wish(db.reserved().await).await });
    }
    for wish in &wishes {
        db.ordered(wish).await;
    }
    let Begin::Started(dead) = db.begin_for(&db.preview().await, 1, LAPSED).await else { panic!("no lease") };
    tokio::time::sleep(Duration::from_millis(5)).await;
    db.reserved().await;
    assert_eq!(claim(db, dead.hold.msisdn).await.due.len(), 1);
    assert_eq!(claim_orders(db, wishes[0].msisdn).await.due.len(), 1);
    assert_eq!(db.store.claim_due_orders(10, LEASE).await.unwrap().due.len(), 1);
    let events = db.events_after(start).await;
    let doubts = events.iter().rev().take_while(|event| event.kind.as_str().ends_with(".in_doubt")).count();
    assert_eq!(doubts, 3, "{events:?}");
    assert!(events.is_sorted_by_key(|event| event.recorded_at), "{events:?}");
}

pub async fn an_unreadable_number_is_set_aside(db: &Fixture) {
    let doubt = db.doubtful(&db.preview().await, 1).await;
    let id = db.database.uuid_literal(doubt.reservation.as_uuid());
    db.database.execute(&format!("update reservation set external_id = '' where id = {id}")).await;
    let claims = db.store.claim_attempt_of(Scope::AllBrands, doubt.hold.msisdn, LEASE).await.unwrap();
    let [row] = &claims.set_aside[..] else { panic!("{claims:?}") };
    assert_eq!((row.table, row.key.clone()), ("reservation", doubt.reservation.to_string()));
    assert!(is_settled(&claim(db, doubt.hold.msisdn).await), "nobody claims it again");
}

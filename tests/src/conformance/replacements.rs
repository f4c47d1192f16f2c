//! Other SIMs for a number in use, the ends of lines, and what the sweep does about orders.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::collections::BTreeSet;
use std::time::Duration;

use oss_core::store::{
    Begin, BeginOrder, Due, DueOrder, EndLine, IssuedOrder, NewOrder, OrderLease, OrderPurpose, Release,
    Scope, SimDelivery,
};
use oss_core::{
    AttemptState as State, Msisdn, NumberStatus, ProfileReport, ProfileState, SimId, SimStatus, SimType,
};

use super::Fixture;
use super::fixture::{LAPSED, LEASE, acme, other};
use super::ordering::{again, keyed, made, replacement};

fn deprogram(order: SimId, sim_type: SimType) -> SimDelivery {
    SimDelivery { order, sim_type, attempts: 0 }
}

async fn end(db: &Fixture, msisdn: Msisdn) -> EndLine {
    db.store.end_line(Scope::AllBrands, msisdn, LEASE).await.unwrap()
}

pub async fn a_sim_is_replaced(db: &Fixture) {
    let wish = db.wish(db.reserved().await).await;
    let OrderPurpose::FirstSim(line) = wish.purpose else { panic!("it is a first SIM") };
    db.issued(&wish).await;
    let (mut old, mut old_type) = (wish.id, SimType::Esim);
    for (wanted, new_type) in [(db.card().await, SimType::SimCard), (db.esim().await, SimType::Esim)] {
        let next = replacement(&wish, wanted);
        let lease = db.ordered(&next).await;
        assert_eq!((lease.order, lease.replaces, lease.brand.as_str()), (next.id, Some(old), "acme"));
        assert_eq!(db.sim_of(wish.msisdn).await, Some(old), "until the new one is there");
        let issued = db.store.issue(&lease, &made(&lease), LEASE).await.unwrap();
        assert_eq!(issued, IssuedOrder::Issued(Some(deprogram(old, old_type))));
        assert_eq!(db.states(wish.msisdn).await, (Some(NumberStatus::InUse), vec![State::Assigned]));
        assert_eq!(db.sim_of(wish.msisdn).await, Some(next.id));
        let (before, now) = (db.record(old).await.sim, db.record(next.id).await.sim);
        assert_eq!((before.status, before.msisdn), (SimStatus::Deprogrammed, None));
        assert_eq!((now.status, now.msisdn, now.line_id), (SimStatus::Active, Some(wish.msisdn), line));
        assert_eq!((now.sim_type, db.order_state(old).await), (new_type, State::Releasing));
        assert_eq!(db.store.record_sim_delivery(old).await.unwrap(), Some(State::Released));
        assert_eq!(db.states(wish.msisdn).await, (Some(NumberStatus::InUse), vec![State::Assigned]));
        (old, old_type) = (next.id, new_type);
    }
    let history = db.store.associations(Scope::AllBrands, wish.msisdn).await.unwrap();
    assert_eq!((history.len(), history[0].sim_id, history[2].sim_id), (3, old, wish.id), "the latest first");
    assert!(history.iter().all(|one| one.line_id == line));
}

/// A refused replacement leaves the customer's SIM.
pub async fn a_refused_replacement_changes_nothing(db: &Fixture) {
    let first = db.in_use().await;
    let next = replacement(&db.wish(first.msisdn).await, db.card().await);
    let lease = db.ordered(&next).await;
    db.store.reject_order(&lease, "unknown card").await.unwrap();
    assert_eq!(db.sim_of(first.msisdn).await, Some(first.order));
    assert_eq!(db.record(first.order).await.sim.status, SimStatus::Active);
    assert_eq!(db.order_state(first.order).await, State::Held);
    assert_eq!(end(db, first.msisdn).await, EndLine::Ended(Some(deprogram(first.order, SimType::Esim))));
}

pub async fn a_repeated_replacement_gets_the_same_sim(db: &Fixture) {
    let first = db.in_use().await;
    let next = replacement(&db.wish(first.msisdn).await, db.esim().await);
    db.issued(&next).await;
    assert_eq!(db.order(&again(&next)).await, BeginOrder::Issued(next.id));

    // With a key, a call is the same as another one only if the key is.
    let key = super::keys::key("replace");
    let keyed = keyed(&next, &key);
    let lease = db.ordered(&keyed).await;
    assert_eq!((lease.order, lease.replaces), (keyed.id, Some(next.id)));
    db.store.issue(&lease, &made(&lease), LEASE).await.unwrap();
    assert_eq!(db.order(&again(&keyed)).await, BeginOrder::Issued(keyed.id));
    assert_eq!(db.order(&again(&next)).await, BeginOrder::Issued(keyed.id), "the same wish without a key");
}

/// A profile that the customer deleted, or that could not be installed, is replaced by one for the same device.
pub async fn a_dead_profile_is_replaced(db: &Fixture) {
    for dead in [ProfileState::Deleted, ProfileState::Error] {
        let first = db.in_use().await;
        let wish = replacement(&db.wish(first.msisdn).await, first.wanted.clone());
        let second = db.issued(&wish).await;
        assert_eq!(db.order(&again(&wish)).await, BeginOrder::Issued(second.order));
        let report = ProfileReport::new(second.order, dead, chrono::DateTime::UNIX_EPOCH, None);
        db.store.record_profile(&report).await.unwrap();
        let third = again(&wish);
        assert_eq!(db.ordered(&third).await.order, third.id, "{dead}");
    }
}

pub async fn a_line_ends(db: &Fixture) {
    let preview = db.preview().await;
    let held = db.held(&preview, 1).await;
    let wish = db.wish(held.hold.msisdn).await;
    db.issued(&wish).await;
    assert_eq!(end(db, wish.msisdn).await, EndLine::Ended(Some(deprogram(wish.id, SimType::Esim))));
    assert_eq!(db.states(wish.msisdn).await, (Some(NumberStatus::Returned), vec![State::Releasing]));
    assert_eq!(db.sim_of(wish.msisdn).await, None);
    let sim = db.record(wish.id).await.sim;
    assert_eq!((sim.status, sim.msisdn), (SimStatus::Deprogrammed, None));
    assert_eq!(db.order_state(wish.id).await, State::Releasing);
    assert_eq!(end(db, wish.msisdn).await, EndLine::AlreadyEnded);
    let released = db.store.release(Scope::AllBrands, wish.msisdn, LEASE).await.unwrap();
    assert_eq!(released, Release::AlreadyReturned);
    let again = again(&wish);
    assert_eq!(db.order(&again).await, BeginOrder::Forbidden(NumberStatus::Returned));

    // Sigan is told after GSIM was, so that nobody else gets a number that is still on a SIM.
    assert_eq!(db.store.claim_due(100, LEASE).await.unwrap().due, []);
    assert_eq!(db.store.record_sim_delivery(wish.id).await.unwrap(), Some(State::Released));
    let claimed = db.store.claim_due(100, LEASE).await.unwrap().due;
    let [Due::Delivery(delivery)] = &claimed[..] else { panic!("one delivery, not {claimed:?}") };
    assert_eq!(delivery.hold, held.hold);
    assert_eq!(db.store.record_delivery(delivery.reservation).await.unwrap(), Some(State::Released));
    assert_eq!(db.begin(&preview, 1).await, Begin::Used);
    let anew = db.same_numbers(&preview).await;
    db.held(&anew, 1).await;
    assert_eq!(db.issued(&db.wish(wish.msisdn).await).await.replaces, None, "the number lives again");
}

pub async fn only_a_number_on_a_line_ends(db: &Fixture) {
    let preview = db.preview().await;
    let msisdn = preview.msisdns[0];
    assert_eq!(end(db, msisdn).await, EndLine::Unknown);
    db.held(&preview, 1).await;
    assert_eq!(end(db, msisdn).await, EndLine::NotOnLine(NumberStatus::Reserved));
    db.ordered(&db.wish(msisdn).await).await;
    assert_eq!(end(db, msisdn).await, EndLine::NotOnLine(NumberStatus::Reserved));

    let first = db.in_use().await;
    let lease = db.ordered(&replacement(&db.wish(first.msisdn).await, db.esim().await)).await;
    assert_eq!(end(db, first.msisdn).await, EndLine::InFlight, "its new SIM is being made");
    db.store.cancel_order(&lease, "x", LEASE).await.unwrap();
    assert_eq!(end(db, first.msisdn).await, EndLine::InFlight, "it may still be made");
    db.store.record_sim_delivery(lease.order).await.unwrap();
    for stranger in [false, true] {
        let tenant = if stranger { other() } else { acme() };
        let ended = db.store.end_line(Scope::Brand(&tenant), first.msisdn, LEASE).await.unwrap();
        let own = EndLine::Ended(Some(deprogram(first.order, SimType::Esim)));
        assert_eq!(ended, if stranger { EndLine::Unknown } else { own });
    }
}

/// A number that was assigned is on a SIM that no order made. GSIM has to be told of it all the same.
pub async fn a_line_ends_whose_sim_was_not_ordered(db: &Fixture) {
    let (msisdn, sim) = (db.reserved().await, db.sim().await);
    db.store.assign(Scope::AllBrands, msisdn, sim).await.unwrap();
    assert_eq!(end(db, msisdn).await, EndLine::Ended(Some(deprogram(sim, SimType::Esim))));
    assert_eq!(db.order_state(sim).await, State::Releasing);
    assert_eq!(db.store.claim_due(100, LEASE).await.unwrap().due, []);
    db.store.record_sim_delivery(sim).await.unwrap();
    assert_eq!(db.store.claim_due(100, LEASE).await.unwrap().due.len(), 1);
}

/// GSIM may learn of the end of a line before it learns that an earlier SIM was replaced. Nobody else gets a number while any SIM
/// still has it.
pub async fn a_line_ends_while_a_replaced_sim_waits(db: &Fixture) {
    for old_first in [false, true] {
        let first = db.in_use().await;
        let next = db.ordered(&replacement(&db.wish(first.msisdn).await, db.esim().await)).await;
        db.store.issue(&next, &made(&next), LEASE).await.unwrap();
        end(db, first.msisdn).await;
        let orders = if old_first { [first.order, next.order] } else { [next.order, first.order] };
        for order in orders {
            assert_eq!(db.store.claim_due(100, LEASE).await.unwrap().due, []);
            assert_eq!(db.store.record_sim_delivery(order).await.unwrap(), Some(State::Released));
        }
        assert_eq!(db.store.claim_due(100, LEASE).await.unwrap().due.len(), 1);
    }
}

/// A SIM that no order made is replaced like any other.
pub async fn a_sim_that_was_not_ordered_is_replaced(db: &Fixture) {
    let (msisdn, sim) = (db.reserved().await, db.sim().await);
    db.store.assign(Scope::AllBrands, msisdn, sim).await.unwrap();
    let next = replacement(&db.wish(msisdn).await, db.card().await);
    let lease = db.ordered(&next).await;
    assert_eq!(lease.replaces, Some(sim));
    let issued = db.store.issue(&lease, &made(&lease), LEASE).await.unwrap();
    assert_eq!(issued, IssuedOrder::Issued(Some(deprogram(sim, SimType::Esim))));
    assert_eq!(db.record(next.id).await.sim.line_id, db.record(sim).await.sim.line_id);
}

/// The orders that a sweep claims.
async fn claims(db: &Fixture, lease: Duration) -> Vec<DueOrder> {
    let claimed = db.store.claim_due_orders(100, lease).await.unwrap();
    assert_eq!(claimed.set_aside, []);
    claimed.due
}

pub async fn due_orders_are_claimed(db: &Fixture) {
    let lapsed = db.ordered(&NewOrder { lease: LAPSED, ..db.wish(db.reserved().await).await }).await;
    let doubtful = db.ordered(&db.wish(db.reserved().await).await).await;
    db.store.doubt_order(&doubtful, "x", LAPSED).await.unwrap();
    let cancelled = db.ordered(&db.wish(db.reserved().await).await).await;
    db.store.cancel_order(&cancelled, "x", LAPSED).await.unwrap();
    let ended = db.in_use().await;
    db.store.end_line(Scope::AllBrands, ended.msisdn, LAPSED).await.unwrap();
    // These are not due.
    db.ordered(&db.wish(db.reserved().await).await).await;
    db.in_use().await;

    let first = db.store.claim_due_orders(1, LAPSED).await.unwrap().due;
    assert_eq!(first, [DueOrder::Doubtful(OrderLease { call: 2, ..lapsed.clone() })], "the longest due");
    let claimed = claims(db, LAPSED).await;
    assert!(claimed.contains(&DueOrder::Doubtful(OrderLease { call: 3, ..lapsed })), "{claimed:?}");
    assert!(claimed.contains(&DueOrder::Doubtful(OrderLease { call: 2, ..doubtful.clone() })), "{claimed:?}");
    let told = |order, attempts| SimDelivery { order, sim_type: SimType::Esim, attempts };
    assert!(claimed.contains(&DueOrder::Delivery(told(cancelled.order, 2))), "{claimed:?}");
    assert!(claimed.contains(&DueOrder::Delivery(told(ended.order, 1))), "{claimed:?}");
    assert_eq!(claimed.len(), 4);
    assert_eq!(db.order_state(doubtful.order).await, State::Pending);

    assert_eq!(claims(db, LEASE).await.len(), 4, "a claim that lapsed is made again");
    assert_eq!(claims(db, LEASE).await, [], "each has a lease");
    let stale = told(ended.order, 1);
    db.store.record_failed_sim_delivery(&stale, "down", LAPSED).await.unwrap();
    assert_eq!(claims(db, LEASE).await, [], "an older claim postpones nothing");
    db.store.record_failed_sim_delivery(&told(ended.order, 2), "down", LAPSED).await.unwrap();
    assert_eq!(claims(db, LEASE).await, [DueOrder::Delivery(told(ended.order, 3))]);
    assert!(!db.store.doubt_order(&doubtful, "late", LEASE).await.unwrap(), "the sweep has it");
}

pub async fn each_order_is_claimed_by_one(db: &Fixture) {
    let mut due = BTreeSet::new();
    for _ in 0..8 {
        let lease = db.ordered(&NewOrder { lease: LAPSED, ..db.wish(db.reserved().await).await }).await;
        due.insert(lease.order);
    }
    let claimed = futures::future::join_all((0..8).map(|_| db.store.claim_due_orders(3, LEASE))).await;
    let claimed: Vec<_> = claimed.into_iter().flat_map(|claimed| claimed.unwrap().due).collect();
    let orders: BTreeSet<_> = claimed
        .iter()
        .map(|due| match due {
            DueOrder::Doubtful(lease) => lease.order,
            DueOrder::Delivery(delivery) => panic!("{delivery:?}"),
        })
        .collect();
    assert_eq!((claimed.len(), orders), (due.len(), due));
}

pub async fn an_unreadable_order_is_set_aside(db: &Fixture) {
    let broken = db.ordered(&NewOrder { lease: LAPSED, ..db.wish(db.reserved().await).await }).await;
    let sound = db.ordered(&NewOrder { lease: LAPSED, ..db.wish(db.reserved().await).await }).await;
    let id = db.database.uuid_literal(broken.order.as_uuid());
    db.database.execute(&format!("update sim_order set msisdn = '1133334444' where id = {id}")).await;
    let claimed = db.store.claim_due_orders(100, LAPSED).await.unwrap();
    assert_eq!(claimed.due, [DueOrder::Doubtful(OrderLease { call: 2, ..sound })]);
    let [row] = &claimed.set_aside[..] else { panic!("{claimed:?}") };
    assert_eq!((row.table, row.key.clone()), ("sim_order", broken.order.to_string()));
    assert_eq!(row.reason, "msisdn cannot be read");
    assert_eq!(db.store.claim_due_orders(100, LAPSED).await.unwrap().set_aside, [], "nobody claims it again");
}

//! Orders of SIMs: how they begin, and the record after GSIM answered, or did not.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use oss_core::store::{
    AdoptOutcome, AdoptRefusal, Adoption, Assign, BeginOrder, BeginRandom, Confirmed, Intent, IssuedOrder,
    Keyed, NewOrder, OrderPurpose, Overdue, Release, Scope, SimDelivery, SimDetails,
};
use oss_core::{
    AttemptState as State, NumberStatus, ProfileState, ReservationId, SimId, SimStatus, SimType, WantedSim,
};

use super::Fixture;
use super::fixture::{LAPSED, LEASE, acme, held_number, hold, other};
use super::ordering::{again, keyed, made, matching_id, replacement};

pub async fn an_esim_is_issued(db: &Fixture) {
    let wish = db.wish(db.reserved().await).await;
    let lease = db.ordered(&wish).await;
    assert_eq!((lease.order, lease.call, lease.is_repeat(), lease.msisdn), (wish.id, 1, false, wish.msisdn));
    assert_eq!((&lease.wanted, &lease.technology, lease.replaces), (&wish.wanted, &wish.technology, None));
    assert_eq!(db.order_state(wish.id).await, State::Pending);
    assert_eq!(db.states(wish.msisdn).await, (Some(NumberStatus::Reserved), vec![State::Held]));
    assert_eq!(db.store.sim(Scope::AllBrands, wish.id).await.unwrap(), None, "GSIM has not made it yet");

    let made = made(&lease);
    let issue = async || db.store.issue(&lease, &made, LEASE).await.unwrap();
    assert_eq!(issue().await, IssuedOrder::Issued(None));
    assert_eq!(issue().await, IssuedOrder::Issued(None), "the same step again");
    assert_eq!(db.order_state(wish.id).await, State::Held);
    assert_eq!(db.states(wish.msisdn).await, (Some(NumberStatus::InUse), vec![State::Assigned]));
    assert_eq!(db.sim_of(wish.msisdn).await, Some(wish.id));

    let OrderPurpose::FirstSim(line) = wish.purpose else { panic!("it is a first SIM") };
    let sim = db.record(wish.id).await.sim;
    assert_eq!((sim.iccid, sim.imsi), (made.iccid.to_string(), made.imsi.to_string()));
    assert_eq!((sim.msisdn, sim.line_id, sim.technology), (Some(wish.msisdn), line, wish.technology));
    assert_eq!((sim.sim_type, sim.status), (SimType::Esim, SimStatus::Active));
    assert_eq!(sim.profile_state, Some(ProfileState::Released));
    let history = db.store.associations(Scope::AllBrands, wish.msisdn).await.unwrap();
    assert_eq!(history.iter().map(|one| (one.sim_id, one.line_id)).collect::<Vec<_>>(), [(wish.id, line)]);
    let WantedSim::Esim(device) = wish.wanted else { panic!("it is an eSIM") };
    let profile = format!(
        "select count(*) from esim where sim_id = {} and matching_id = '{}' and smdp_plus_address = 'smdp.example'
         and device_model_hash = '{device}'",
        db.database.uuid_literal(wish.id.as_uuid()),
        matching_id(wish.id)
    );
    assert_eq!(db.database.count(&profile).await, 1);
}

pub async fn a_card_is_activated(db: &Fixture) {
    let wish = NewOrder { wanted: db.card().await, ..db.wish(db.reserved().await).await };
    let WantedSim::Card { iccid, address } = wish.wanted.clone() else { panic!("it is a card") };
    let lease = db.ordered(&wish).await;
    assert_eq!(lease.wanted, wish.wanted);
    let made = made(&lease);
    assert_eq!(db.store.issue(&lease, &made, LEASE).await.unwrap(), IssuedOrder::Issued(None));
    let sim = db.record(wish.id).await.sim;
    assert_eq!((sim.iccid, sim.sim_type, sim.profile_state), (iccid.to_string(), SimType::SimCard, None));
    let SimDetails::Card { hrs_imsi: Some(stand_in) } = made.details else { panic!("a card has a stand-in") };
    let card = format!(
        "select count(*) from sim_card
         where sim_id = {} and hrs_imsi = '{stand_in}' and delivery_address_hash = '{address}'",
        db.database.uuid_literal(wish.id.as_uuid()),
    );
    assert_eq!(db.database.count(&card).await, 1);
}

pub async fn a_repeated_begin_finds_its_lease(db: &Fixture) {
    let wish = db.wish(db.reserved().await).await;
    let lease = db.ordered(&wish).await;
    assert_eq!(db.ordered(&wish).await, lease);
    assert_eq!(db.order(&again(&wish)).await, BeginOrder::InFlight, "another call has no lease");
}

pub async fn the_same_wish_takes_a_doubt_up_again(db: &Fixture) {
    let wish = db.wish(db.reserved().await).await;
    let lease = db.ordered(&wish).await;
    assert!(db.store.doubt_order(&lease, "no answer in time", LEASE).await.unwrap());
    assert!(db.store.doubt_order(&lease, "no answer in time", LEASE).await.unwrap(), "the same step again");
    assert_eq!(db.order_state(wish.id).await, State::InDoubt);
    let repeat = again(&wish);
    let second = db.ordered(&repeat).await;
    assert_eq!((second.order, second.call, second.is_repeat()), (wish.id, 2, true));
    assert_eq!(second.wanted, wish.wanted);
    assert_eq!(db.ordered(&repeat).await, second, "the same step again");
    assert_eq!(db.order(&wish).await, BeginOrder::InFlight, "the first call has no lease any more");
    assert_eq!(db.store.issue(&second, &made(&second), LEASE).await.unwrap(), IssuedOrder::Issued(None));
}

pub async fn the_same_wish_takes_a_lapsed_order_up_again(db: &Fixture) {
    let wish = NewOrder { lease: LAPSED, ..db.wish(db.reserved().await).await };
    db.ordered(&wish).await;
    let second = db.ordered(&NewOrder { lease: LEASE, ..again(&wish) }).await;
    assert_eq!((second.order, second.call), (wish.id, 2));
    assert_eq!(db.order(&again(&wish)).await, BeginOrder::InFlight);
}

/// The first call has its answer late, while the second one asks GSIM again.
pub async fn the_answer_of_an_older_call_issues_the_sim(db: &Fixture) {
    let wish = db.wish(db.reserved().await).await;
    let first = db.ordered(&wish).await;
    db.store.doubt_order(&first, "x", LEASE).await.unwrap();
    let made = made(&first);
    let second = db.ordered(&again(&wish)).await;
    assert_eq!(db.store.issue(&first, &made, LEASE).await.unwrap(), IssuedOrder::Issued(None));
    assert_eq!(db.store.issue(&second, &made, LEASE).await.unwrap(), IssuedOrder::Issued(None));
    assert_eq!(db.store.cancel_order(&second, "x", LEASE).await.unwrap(), None);
    assert_eq!(db.order_state(wish.id).await, State::Held);
}

pub async fn a_wish_for_the_sim_that_a_number_has_gets_it(db: &Fixture) {
    let wish = db.wish(db.reserved().await).await;
    db.issued(&wish).await;
    assert_eq!(db.order(&again(&wish)).await, BeginOrder::Issued(wish.id));
    let elsewhere = NewOrder { purpose: OrderPurpose::FirstSim(db.line().await), ..again(&wish) };
    assert_eq!(db.order(&elsewhere).await, BeginOrder::Forbidden(NumberStatus::InUse));
    let another = NewOrder { wanted: db.esim().await, ..again(&wish) };
    assert_eq!(db.order(&another).await, BeginOrder::Forbidden(NumberStatus::InUse));
}

pub async fn one_order_of_a_number_is_under_way(db: &Fixture) {
    let wish = db.wish(db.reserved().await).await;
    let others = [
        NewOrder { purpose: OrderPurpose::FirstSim(db.line().await), ..again(&wish) },
        NewOrder { wanted: db.esim().await, ..again(&wish) },
        NewOrder { wanted: db.card().await, ..again(&wish) },
        replacement(&wish, wish.wanted.clone()),
    ];
    let lease = db.ordered(&wish).await;
    for other in &others {
        assert_eq!(db.order(other).await, BeginOrder::OtherInFlight);
    }
    db.store.doubt_order(&lease, "x", LAPSED).await.unwrap();
    for other in &others {
        assert_eq!(db.order(other).await, BeginOrder::OtherInFlight, "in doubt");
    }
    let lease = db.ordered(&again(&wish)).await;
    db.store.cancel_order(&lease, "x", LEASE).await.unwrap().expect("it is ours");
    for other in &others {
        assert_eq!(db.order(other).await, BeginOrder::OtherInFlight, "being cancelled");
    }
    assert_eq!(db.order(&again(&wish)).await, BeginOrder::InFlight, "being cancelled");
    db.store.record_sim_delivery(wish.id).await.unwrap();
    db.issued(&others[0]).await;
}

pub async fn a_number_under_order_waits(db: &Fixture) {
    let preview = db.preview().await;
    let held = db.started(&preview, 1).await;
    db.store.confirm(&held, LAPSED).await.unwrap();
    let msisdn = held.hold.msisdn;
    let wish = db.wish(msisdn).await;
    let lease = db.ordered(&wish).await;
    assert_eq!(db.store.settle_overdue(100).await.unwrap(), Overdue::default());
    assert_eq!(db.store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap(), Release::Ordered);
    let sim = db.sim().await;
    assert_eq!(db.store.assign(Scope::AllBrands, msisdn, sim).await.unwrap(), Assign::Ordered);
    let adoption = Adoption { msisdn, sim, external_id: None };
    let adopted = db.store.adopt(&acme(), ReservationId::new(), &adoption).await.unwrap();
    assert_eq!(adopted, AdoptOutcome::Refused(AdoptRefusal::Ordered));
    assert_eq!(db.store.give_back_lost(held.reservation, "x", LEASE).await.unwrap(), None);
    assert_eq!(db.store.claim_due(100, LEASE).await.unwrap().due, []);
    assert_eq!(held_number(&db.begin(&preview, 1).await), Some(msisdn), "it does not expire");
    assert!(
        matches!(db.store.confirm(&held, LEASE).await.unwrap(), Confirmed::Held(_)),
        "the same step again"
    );
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::Reserved), vec![State::Held]));

    db.store.reject_order(&lease, "none left").await.unwrap();
    assert_eq!(db.store.settle_overdue(100).await.unwrap(), Overdue { expired: 1, ..Overdue::default() });
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::Returned), vec![State::Releasing]));
}

pub async fn a_random_number_under_order_waits(db: &Fixture) {
    let (offer, key) = (db.offer(), super::keys::key("random"));
    let (id, wish) = (ReservationId::new(), hold(&offer, 1));
    let begun = db.store.begin_random(id, &wish, &offer.brand, Some(&key), LEASE).await.unwrap();
    let BeginRandom::Started(lease) = begun else { panic!("no lease") };
    db.store.confirm(&lease, LAPSED).await.unwrap();
    db.ordered(&db.wish(wish.msisdn).await).await;
    let again = db.store.resume_keyed(
        Scope::AllBrands,
        ReservationId::new(),
        &key,
        "11".parse().unwrap(),
        Intent::Look,
    );
    let again = again.await.unwrap();
    assert!(matches!(again, Some(Keyed::Held(held)) if held.msisdn == wish.msisdn), "{again:?}");
}

pub async fn only_a_reserved_number_gets_a_first_sim(db: &Fixture) {
    let preview = db.preview().await;
    let wish = db.wish(preview.msisdns[0]).await;
    assert_eq!(db.order(&wish).await, BeginOrder::UnknownNumber);
    let held = db.doubtful(&preview, 1).await;
    assert_eq!(db.order(&wish).await, BeginOrder::InDoubt);
    db.store.confirm(&held, LEASE).await.unwrap();
    let another = replacement(&wish, wish.wanted.clone());
    assert_eq!(db.order(&another).await, BeginOrder::Forbidden(NumberStatus::Reserved));
    let device = "00000000000000000000000000000000".parse().unwrap();
    let unknown = NewOrder { wanted: WantedSim::Esim(device), ..again(&wish) };
    assert_eq!(db.order(&unknown).await, BeginOrder::UnknownDevice);
    db.store.release(Scope::AllBrands, wish.msisdn, LEASE).await.unwrap();
    assert_eq!(db.order(&wish).await, BeginOrder::Forbidden(NumberStatus::Returned));
    assert_eq!(db.order(&another).await, BeginOrder::Forbidden(NumberStatus::Returned));
}

pub async fn a_refused_order_leaves_the_number_as_it_was(db: &Fixture) {
    let wish = db.wish(db.reserved().await).await;
    let lease = db.ordered(&wish).await;
    for _ in 0..2 {
        db.store.reject_order(&lease, "none left").await.unwrap();
        assert_eq!(db.order_state(wish.id).await, State::Rejected);
    }
    assert_eq!(db.states(wish.msisdn).await, (Some(NumberStatus::Reserved), vec![State::Held]));
    let second = again(&wish);
    assert_eq!(db.ordered(&second).await.order, second.id, "a new order");
    db.store.reject_order(&db.ordered(&second).await, "none left").await.unwrap();
    let released = db.store.release(Scope::AllBrands, wish.msisdn, LEASE).await.unwrap();
    assert!(matches!(released, Release::Returned(Some(_))), "{released:?}");
}

pub async fn an_older_call_changes_no_order(db: &Fixture) {
    let wish = db.wish(db.reserved().await).await;
    let old = db.ordered(&wish).await;
    db.store.doubt_order(&old, "x", LEASE).await.unwrap();
    let new = db.ordered(&again(&wish)).await;
    assert!(!db.store.doubt_order(&old, "late", LEASE).await.unwrap());
    db.store.reject_order(&old, "late").await.unwrap();
    assert_eq!(db.store.cancel_order(&old, "late", LEASE).await.unwrap(), None);
    assert_eq!(db.order_state(wish.id).await, State::Pending);
    let assigned = db.store.assign(Scope::AllBrands, wish.msisdn, db.sim().await).await.unwrap();
    assert_eq!(assigned, Assign::Ordered, "the number waits for the newer call");
    assert_eq!(db.store.issue(&new, &made(&new), LEASE).await.unwrap(), IssuedOrder::Issued(None));
}

pub async fn an_order_is_cancelled_before_it_is_rejected(db: &Fixture) {
    let wish = db.wish(db.reserved().await).await;
    let lease = db.ordered(&wish).await;
    let own = SimDelivery { order: wish.id, sim_type: SimType::Esim, attempts: 1 };
    let cancel = async || db.store.cancel_order(&lease, "no such order", LEASE).await.unwrap();
    assert_eq!(cancel().await, Some(own));
    assert_eq!(cancel().await, Some(own), "the same step again");
    assert_eq!(db.order_state(wish.id).await, State::Cancelling);
    let released = db.store.release(Scope::AllBrands, wish.msisdn, LEASE).await.unwrap();
    assert_eq!(released, Release::Ordered, "a late arrival of the order may still put it on a SIM");

    // The answer of GSIM arrives late. The SIM is deprogrammed like the order is cancelled.
    let late = async || db.store.issue(&lease, &made(&lease), LEASE).await.unwrap();
    assert_eq!(late().await, IssuedOrder::GivenUp(Some(own)));
    assert_eq!(db.store.record_sim_delivery(wish.id).await.unwrap(), Some(State::Rejected));
    assert_eq!(db.store.record_sim_delivery(wish.id).await.unwrap(), None, "it waits for nothing more");
    assert_eq!(late().await, IssuedOrder::GivenUp(Some(own)), "GSIM is told again");
    assert_eq!(db.states(wish.msisdn).await, (Some(NumberStatus::Reserved), vec![State::Held]));
    assert_eq!(db.store.sim(Scope::AllBrands, wish.id).await.unwrap(), None);
    db.issued(&again(&wish)).await;
}

/// A failover may lose the row of an order while GSIM is asked.
pub async fn an_order_without_a_row_is_missing(db: &Fixture) {
    let wish = db.wish(db.reserved().await).await;
    let mut lost = db.ordered(&wish).await;
    db.store.reject_order(&lost, "x").await.unwrap();
    lost.order = SimId::new();
    assert_eq!(db.store.issue(&lost, &made(&lost), LEASE).await.unwrap(), IssuedOrder::Missing);
    assert!(!db.store.doubt_order(&lost, "x", LEASE).await.unwrap());
    db.store.reject_order(&lost, "x").await.unwrap();
    assert_eq!(db.store.cancel_order(&lost, "x", LEASE).await.unwrap(), None);
    assert_eq!(db.store.record_sim_delivery(lost.order).await.unwrap(), None);
    assert_eq!(db.states(wish.msisdn).await, (Some(NumberStatus::Reserved), vec![State::Held]));

    // GSIM may have its SIM. It is recorded that GSIM must deprogram it, before GSIM is told.
    let release = async |lease| db.store.release_lost_order(lease, LEASE).await.unwrap();
    let own = SimDelivery { order: lost.order, sim_type: lost.wanted.sim_type(), attempts: 0 };
    assert_eq!(release(&lost).await, Some(own));
    assert_eq!(release(&lost).await, None, "the order has a row now");
    assert_eq!(db.order_state(lost.order).await, State::Releasing);
    assert_eq!(db.store.record_sim_delivery(lost.order).await.unwrap(), Some(State::Released));
    let known = db.ordered(&again(&wish)).await;
    assert_eq!(release(&known).await, None, "no order that has a row is touched");
    assert_eq!(db.order_state(known.order).await, State::Pending);
}

pub async fn an_iccid_is_that_of_one_active_sim(db: &Fixture) {
    let first = db.ordered(&db.wish(db.reserved().await).await).await;
    let first_made = made(&first);
    db.store.issue(&first, &first_made, LEASE).await.unwrap();
    let second = db.ordered(&db.wish(db.reserved().await).await).await;
    let mut second_made = made(&second);
    second_made.iccid = first_made.iccid.clone();
    let issue = async || db.store.issue(&second, &second_made, LEASE).await.unwrap();
    assert_eq!(issue().await, IssuedOrder::IccidInUse);
    assert_eq!(db.order_state(second.order).await, State::Pending, "nothing is written");
    assert_eq!(db.states(second.msisdn).await, (Some(NumberStatus::Reserved), vec![State::Held]));

    db.store.end_line(Scope::AllBrands, first.msisdn, LEASE).await.unwrap();
    let before = db.record(first.order).await;
    assert_eq!(issue().await, IssuedOrder::Issued(None), "the ICCID is used again");
    assert_eq!(db.record(first.order).await, before, "the earlier SIM is left alone");
    assert_eq!(before.sim.status, SimStatus::Deprogrammed);
    assert_eq!(db.record(second.order).await.sim.status, SimStatus::Active);
    // GSIM is told of the earlier SIM after its ICCID is used again.
    assert_eq!(db.store.record_sim_delivery(first.order).await.unwrap(), Some(State::Released));
    assert_eq!(db.record(second.order).await.sim.msisdn, Some(second.msisdn));
    assert_eq!(db.order_state(second.order).await, State::Held);
}

pub async fn an_order_key_finds_its_order(db: &Fixture) {
    let key = super::keys::key("order");
    let wish = keyed(&db.wish(db.reserved().await).await, &key);
    let lease = db.ordered(&wish).await;
    assert_eq!(db.order(&again(&wish)).await, BeginOrder::InFlight);
    for reused in [
        NewOrder { wanted: db.esim().await, ..again(&wish) },
        NewOrder { purpose: OrderPurpose::FirstSim(db.line().await), ..again(&wish) },
        NewOrder { msisdn: db.reserved().await, ..again(&wish) },
        NewOrder { purpose: OrderPurpose::Replacement, ..again(&wish) },
    ] {
        assert_eq!(db.order(&reused).await, BeginOrder::KeyReused);
    }
    db.store.doubt_order(&lease, "x", LEASE).await.unwrap();
    let second = db.ordered(&again(&wish)).await;
    assert_eq!((second.order, second.call), (wish.id, 2));
    db.store.issue(&second, &made(&second), LEASE).await.unwrap();
    assert_eq!(db.order(&again(&wish)).await, BeginOrder::Issued(wish.id));
    db.store.end_line(Scope::AllBrands, wish.msisdn, LEASE).await.unwrap();
    assert_eq!(db.order(&again(&wish)).await, BeginOrder::KeySpent);
}

pub async fn a_refused_order_frees_its_key(db: &Fixture) {
    let key = super::keys::key("refused");
    let wish = keyed(&db.wish(db.reserved().await).await, &key);
    db.store.reject_order(&db.ordered(&wish).await, "none left").await.unwrap();
    let other = keyed(&db.wish(db.reserved().await).await, &key);
    assert_eq!(db.ordered(&other).await.order, other.id, "for any request");
}

pub async fn an_order_is_of_its_brand_alone(db: &Fixture) {
    let wish = db.wish(db.reserved().await).await;
    let other = other();
    let begun = async |tenant| db.store.begin_order(Scope::Brand(tenant), &wish).await.unwrap();
    assert_eq!(begun(&other).await, BeginOrder::UnknownNumber);
    let BeginOrder::Started(lease) = begun(&acme()).await else { panic!("it is of this brand") };
    assert_eq!(lease.brand, *acme().brand());
    let named = NewOrder { brand: other.brand().clone(), ..db.wish(db.reserved().await).await };
    assert_eq!(db.ordered(&named).await.brand, *acme().brand(), "the brand of the number");
}

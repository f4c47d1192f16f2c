//! Adoption of numbers that are on a line although the store has no record of it.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use futures::future::join_all;
use oss_core::store::{
    AdoptOutcome, AdoptRefusal, Adoption, Assign, Begin, OtherNumber, Release, Scope, Tenant,
};
use oss_core::{AttemptState as State, ExternalId, Msisdn, NumberStatus, ReservationId, SimId};

use super::Fixture;
use super::fixture::{LAPSED, LEASE, acme, held_number, hold, other};

fn id(text: &str) -> ExternalId {
    text.parse().expect("an id")
}

/// A line for a number, under an id if one is named.
async fn line(db: &Fixture, msisdn: Msisdn, external_id: Option<&str>) -> Adoption {
    Adoption { msisdn, sim: db.sim().await, external_id: external_id.map(id) }
}

async fn adopt(db: &Fixture, tenant: &Tenant, adoption: &Adoption) -> AdoptOutcome {
    db.store.adopt(tenant, ReservationId::new(), adoption).await.expect("the store answers")
}

fn adopted(external_id: &str) -> AdoptOutcome {
    AdoptOutcome::Adopted(id(external_id))
}

async fn is_on_line(db: &Fixture, adoption: &Adoption, history: &[State]) {
    assert_eq!(db.states(adoption.msisdn).await, (Some(NumberStatus::InUse), history.to_vec()));
    let number = db.number(adoption.msisdn).await.expect("it is known");
    let line = number.line.expect("it is on a line");
    assert_eq!(line.assigned_sim_id, Some(adoption.sim));
    assert!(line.assigned_at.is_some());
    assert_eq!(line.origin, "VIVO");
}

pub async fn an_unknown_number_is_put_on_a_line(db: &Fixture) {
    let adoption = line(db, db.offer().msisdns[0], Some("PR-LOST")).await;
    assert_eq!(adopt(db, &acme(), &adoption).await, adopted("PR-LOST"));
    is_on_line(db, &adoption, &[State::Assigned]).await;
    let history = db.number(adoption.msisdn).await.unwrap().history;
    assert_eq!((history[0].external_id.as_ref(), history[0].hold_expires_at), (Some(&id("PR-LOST")), None));
    let released = db.store.release(Scope::AllBrands, adoption.msisdn, LEASE).await.unwrap();
    assert_eq!(released, Release::Forbidden(NumberStatus::InUse));
    assert_eq!(db.store.settle_overdue(100).await.unwrap().rows(), 0, "it never expires");
}

pub async fn a_returned_number_is_put_on_a_line(db: &Fixture) {
    let msisdn = db.held(&db.preview().await, 1).await.hold.msisdn;
    let Release::Returned(Some(delivery)) = db.store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap()
    else {
        panic!("no delivery")
    };
    db.store.record_delivery(delivery.reservation).await.unwrap();
    let adoption = line(db, msisdn, Some("PR-LATER")).await;
    assert_eq!(adopt(db, &acme(), &adoption).await, adopted("PR-LATER"));
    is_on_line(db, &adoption, &[State::Assigned, State::Released]).await;
}

pub async fn a_reserved_number_keeps_its_hold(db: &Fixture) {
    let preview = db.preview().await;
    let held = db.held(&preview, 1).await;
    let adoption = line(db, held.hold.msisdn, None).await;
    assert_eq!(adopt(db, &acme(), &adoption).await, adopted(preview.external_id.as_str()));
    is_on_line(db, &adoption, &[State::Assigned]).await;
    assert_eq!(
        db.store.assign(Scope::AllBrands, adoption.msisdn, adoption.sim).await.unwrap(),
        Assign::Assigned
    );
}

pub async fn a_repeated_adoption_changes_nothing(db: &Fixture) {
    let (reservation, adoption) =
        (ReservationId::new(), line(db, db.offer().msisdns[0], Some("PR-LOST")).await);
    for _ in 0..2 {
        assert_eq!(db.store.adopt(&acme(), reservation, &adoption).await.unwrap(), adopted("PR-LOST"));
    }
    let before = db.number(adoption.msisdn).await;
    assert_eq!(adopt(db, &acme(), &adoption).await, adopted("PR-LOST"));
    let without_id = Adoption { external_id: None, ..adoption.clone() };
    assert_eq!(adopt(db, &acme(), &without_id).await, adopted("PR-LOST"), "it is recorded");
    assert_eq!(db.number(adoption.msisdn).await, before);
}

pub async fn a_hold_without_an_id_is_not_recorded(db: &Fixture) {
    let adoption = line(db, db.offer().msisdns[0], None).await;
    assert_eq!(adopt(db, &acme(), &adoption).await, AdoptOutcome::NoExternalId);
    assert_eq!(db.number(adoption.msisdn).await, None);
}

pub async fn a_number_that_is_held_otherwise_is_not_adopted(db: &Fixture) {
    let refused = AdoptOutcome::Refused;
    let held = db.held(&db.preview().await, 1).await;
    let msisdn = held.hold.msisdn;
    let own = held.hold.external_id.as_str();
    assert_eq!(
        adopt(db, &other(), &line(db, msisdn, Some(own)).await).await,
        refused(AdoptRefusal::OtherBrand)
    );
    let other_hold = line(db, msisdn, Some("PR-OTHER")).await;
    assert_eq!(adopt(db, &acme(), &other_hold).await, refused(AdoptRefusal::OtherHold));
    assert_eq!(
        db.states(msisdn).await,
        (Some(NumberStatus::Reserved), vec![State::Held]),
        "nothing is written"
    );

    let first = line(db, msisdn, None).await;
    assert_eq!(adopt(db, &acme(), &first).await, adopted(own));
    assert_eq!(adopt(db, &acme(), &line(db, msisdn, None).await).await, refused(AdoptRefusal::OtherSim));
    assert_eq!(adopt(db, &other(), &first).await, refused(AdoptRefusal::OtherBrand));
    let under_another_id = Adoption { external_id: Some(id("PR-OTHER")), ..first.clone() };
    assert_eq!(adopt(db, &acme(), &under_another_id).await, refused(AdoptRefusal::OtherHold));
    is_on_line(db, &first, &[State::Assigned]).await;

    // The preview of another brand offered it, so that is not this brand's hold.
    let preview = db.preview().await;
    let adoption = line(db, preview.msisdns[0], Some(preview.external_id.as_str())).await;
    assert_eq!(adopt(db, &other(), &adoption).await, refused(AdoptRefusal::OtherBrand));
    assert_eq!(db.number(adoption.msisdn).await, None);
}

pub async fn a_hold_that_is_over_is_not_adopted(db: &Fixture) {
    let held = db.held(&db.preview().await, 1).await;
    let msisdn = held.hold.msisdn;
    db.store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap();
    let adoption = line(db, msisdn, Some(held.hold.external_id.as_str())).await;
    let refused = AdoptOutcome::Refused(AdoptRefusal::HoldOver);
    assert_eq!(adopt(db, &acme(), &adoption).await, refused, "the release would end the line's hold");
    db.store.record_delivery(held.reservation).await.unwrap();
    assert_eq!(adopt(db, &acme(), &adoption).await, refused);
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::Returned), vec![State::Released]));
}

pub async fn an_unsettled_number_is_not_adopted(db: &Fixture) {
    let refused = AdoptOutcome::Refused(AdoptRefusal::Unsettled);
    let preview = db.preview().await;
    let Begin::Started(pending) = db.begin_for(&preview, 1, LAPSED).await else { panic!("no lease") };
    for named in [None, Some(preview.external_id.as_str())] {
        assert_eq!(adopt(db, &acme(), &line(db, pending.hold.msisdn, named).await).await, refused);
    }
    let doubtful = db.doubtful(&db.preview().await, 1).await;
    assert_eq!(adopt(db, &acme(), &line(db, doubtful.hold.msisdn, None).await).await, refused);
    assert_eq!(db.states(doubtful.hold.msisdn).await, (Some(NumberStatus::Reserved), vec![State::InDoubt]));
}

pub async fn an_adopted_number_belongs_to_its_brand(db: &Fixture) {
    let adoption = line(db, db.offer().msisdns[0], Some("PR-LOST")).await;
    assert_eq!(adopt(db, &other(), &adoption).await, adopted("PR-LOST"));
    assert_eq!(db.store.number(Scope::Brand(&acme()), adoption.msisdn).await.unwrap(), None);
    let number = db.store.number(Scope::Brand(&other()), adoption.msisdn).await.unwrap();
    assert_eq!(number.expect("its own").history.len(), 1);
    assert_eq!(db.store.holding_brands().await.unwrap(), ["other".parse().expect("a brand")]);
}

pub async fn a_preview_finds_the_number_that_was_adopted_from_it(db: &Fixture) {
    let preview = db.preview().await;
    let adoption = line(db, preview.msisdns[1], Some(preview.external_id.as_str())).await;
    assert_eq!(adopt(db, &acme(), &adoption).await, adopted(preview.external_id.as_str()));
    assert_eq!(held_number(&db.begin(&preview, 2).await), Some(hold(&preview, 2).msisdn));
    assert_eq!(db.begin(&preview, 1).await, Begin::Used);
    let history = db.number(adoption.msisdn).await.unwrap().history;
    assert_eq!(history[0].preview, Some(preview.id));
}

pub async fn of_fifty_adoptions_one_is_recorded(db: &Fixture) {
    let msisdn = db.offer().msisdns[0];
    let adoptions = join_all((0..50).map(|_| line(db, msisdn, Some("PR-LOST")))).await;
    let outcomes = join_all(adoptions.into_iter().map(|adoption| {
        let store = db.store.clone();
        tokio::spawn(async move { store.adopt(&acme(), ReservationId::new(), &adoption).await })
    }));
    let outcomes: Vec<_> =
        outcomes.await.into_iter().map(|outcome| outcome.unwrap().expect("the store answers")).collect();
    let count = |wanted: &AdoptOutcome| outcomes.iter().filter(|outcome| *outcome == wanted).count();
    assert_eq!(count(&adopted("PR-LOST")), 1, "{outcomes:?}");
    assert_eq!(count(&AdoptOutcome::Refused(AdoptRefusal::OtherSim)), 49, "{outcomes:?}");
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::InUse), vec![State::Assigned]));
}

pub async fn a_sim_that_has_a_number_is_not_adopted(db: &Fixture) {
    let first = line(db, db.offer().msisdns[0], Some("PR-FIRST")).await;
    assert_eq!(adopt(db, &acme(), &first).await, adopted("PR-FIRST"));
    let second =
        Adoption { msisdn: db.offer().msisdns[0], external_id: Some(id("PR-SECOND")), sim: first.sim };
    let refusal = AdoptRefusal::SimHasNumber(OtherNumber::Shown(first.msisdn.masked()));
    assert_eq!(adopt(db, &acme(), &second).await, AdoptOutcome::Refused(refusal));
    assert_eq!(db.number(second.msisdn).await, None, "nothing is written");
    assert_eq!(adopt(db, &acme(), &first).await, adopted("PR-FIRST"), "its own number, again");
}

pub async fn only_an_active_sim_is_adopted(db: &Fixture) {
    let msisdn = db.offer().msisdns[0];
    let unknown = Adoption { msisdn, sim: SimId::new(), external_id: Some(id("PR-LOST")) };
    assert_eq!(adopt(db, &acme(), &unknown).await, AdoptOutcome::UnknownSim);
    let ended = db.in_use().await;
    db.store.end_line(Scope::AllBrands, ended.msisdn, LEASE).await.unwrap();
    let refused = adopt(db, &acme(), &Adoption { sim: ended.order, ..unknown }).await;
    assert_eq!(refused, AdoptOutcome::Refused(AdoptRefusal::SimNotActive));
    assert_eq!(db.states(msisdn).await, (None, vec![]), "nothing is written");
}

//! Assignment of numbers to lines, and the view of a number.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use oss_core::store::{Assign, Begin, OtherNumber, Scope};
use oss_core::{AttemptState as State, NumberStatus};

use super::Fixture;
use super::fixture::LEASE;

pub async fn a_held_number_goes_on_a_line(db: &Fixture) {
    let (msisdn, sim_id) = (db.held(&db.preview().await, 1).await.hold.msisdn, db.sim().await);
    assert_eq!(db.store.assign(Scope::AllBrands, msisdn, sim_id).await.unwrap(), Assign::Assigned);
    assert_eq!(
        db.store.assign(Scope::AllBrands, msisdn, sim_id).await.unwrap(),
        Assign::Assigned,
        "again, the same SIM"
    );
    assert_eq!(
        db.store.assign(Scope::AllBrands, msisdn, db.sim().await).await.unwrap(),
        Assign::AssignedElsewhere
    );
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::InUse), vec![State::Assigned]));
    let line = db.number(msisdn).await.unwrap().line.unwrap();
    assert_eq!(line.assigned_sim_id, Some(sim_id));
    assert!(line.assigned_at.is_some_and(|at| at >= line.created_at));
}

pub async fn only_a_confirmed_number_goes_on_a_line(db: &Fixture) {
    let preview = db.preview().await;
    let msisdn = preview.msisdns[0];
    assert_eq!(db.store.assign(Scope::AllBrands, msisdn, db.sim().await).await.unwrap(), Assign::Unknown);
    let lease = db.doubtful(&preview, 1).await;
    assert_eq!(db.store.assign(Scope::AllBrands, msisdn, db.sim().await).await.unwrap(), Assign::InDoubt);
    assert!(matches!(db.begin(&preview, 1).await, Begin::Started(_)));
    assert_eq!(
        db.store.assign(Scope::AllBrands, msisdn, db.sim().await).await.unwrap(),
        Assign::InDoubt,
        "asked for again"
    );
    db.store.confirm(&lease, LEASE).await.unwrap();
    db.store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap();
    assert_eq!(
        db.store.assign(Scope::AllBrands, msisdn, db.sim().await).await.unwrap(),
        Assign::Forbidden(NumberStatus::Returned)
    );
}

pub async fn a_number_shows_its_history(db: &Fixture) {
    let first = db.preview().await;
    let msisdn = first.msisdns[0];
    assert_eq!(db.number(msisdn).await, None);
    db.held(&first, 1).await;
    db.store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap();
    let second = db.same_numbers(&first).await;
    db.held(&second, 1).await;
    let number = db.number(msisdn).await.unwrap();
    let previews: Vec<_> = number.history.iter().map(|hold| hold.preview).collect();
    assert_eq!(previews, [Some(second.id), Some(first.id)], "the latest first");
    assert!(number.history.iter().all(|hold| hold.updated_at >= hold.created_at));
}

pub async fn a_sim_has_one_number(db: &Fixture) {
    let first = db.held(&db.preview().await, 1).await.hold.msisdn;
    let second = db.held(&db.preview().await, 1).await.hold.msisdn;
    let sim = db.sim().await;
    let assign = async |msisdn| db.store.assign(Scope::AllBrands, msisdn, sim).await.unwrap();
    assert_eq!(assign(first).await, Assign::Assigned);
    assert_eq!(assign(second).await, Assign::SimHasNumber(OtherNumber::Shown(first.masked())));
    assert_eq!(assign(first).await, Assign::Assigned, "again, its own number");
    assert_eq!(db.states(second).await, (Some(NumberStatus::Reserved), vec![State::Held]), "nothing changed");
    assert_eq!(db.number(second).await.unwrap().line.unwrap().assigned_sim_id, None);
}

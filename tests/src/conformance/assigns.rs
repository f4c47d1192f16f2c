//! Assignment of numbers to lines, and the view of a number.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use oss_core::store::{Adoption, Assign, Begin, OtherNumber, Scope};
use oss_core::{AttemptState as State, NumberStatus, ReservationId, SimId, SimStatus};

use super::Fixture;
use super::fixture::{LEASE, acme};

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

pub async fn only_an_active_sim_gets_a_number(db: &Fixture) {
    let (msisdn, sim) = (db.reserved().await, db.in_use().await);
    let assign = async |sim| db.store.assign(Scope::AllBrands, msisdn, sim).await.unwrap();
    assert_eq!(assign(SimId::new()).await, Assign::UnknownSim);
    db.store.end_line(Scope::AllBrands, sim.msisdn, LEASE).await.unwrap();
    assert_eq!(assign(sim.order).await, Assign::SimNotActive(SimStatus::Deprogrammed));
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::Reserved), vec![State::Held]), "nothing changed");
    assert_eq!(db.store.associations(Scope::AllBrands, msisdn).await.unwrap(), []);
}

pub async fn an_assignment_is_in_the_history(db: &Fixture) {
    let (assigned, adopted) = (db.reserved().await, db.reserved().await);
    for msisdn in [assigned, adopted] {
        let sim = db.sim().await;
        for _ in 0..2 {
            if msisdn == assigned {
                db.store.assign(Scope::AllBrands, msisdn, sim).await.unwrap();
            } else {
                let adoption = Adoption { msisdn, sim, external_id: None };
                db.store.adopt(&acme(), ReservationId::new(), &adoption).await.unwrap();
            }
        }
        let history = db.store.associations(Scope::AllBrands, msisdn).await.unwrap();
        let line = db.record(sim).await.sim.line_id;
        assert_eq!(history.iter().map(|one| (one.sim_id, one.line_id)).collect::<Vec<_>>(), [(sim, line)]);
    }
}

//! The audit of SIMs: our records of those that GSIM lists, and the end of those that nobody can have.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::time::Duration;

use oss_core::store::{KnownSim, Scope, SimIdentity, SimRange};
use oss_core::{AttemptState, Msisdn, NumberStatus, SimId};

use super::Fixture;
use super::fixture::{LEASE, acme, other};

/// A number that no preview of a fixture offers.
fn free_number() -> Msisdn {
    "21988887777".parse().expect("a number")
}

const EVERY_SIM: SimRange = SimRange { after: None, until: None };

pub async fn our_record_of_a_listed_sim_is_read(db: &Fixture) {
    let lease = db.in_use().await;
    let sim = db.record(lease.order).await.sim;
    let listed = [(SimId::new(), free_number()), (lease.order, lease.msisdn)];
    let known = async |young| db.store.known_sims(&listed, young).await.unwrap();
    let identity = SimIdentity { iccid: sim.iccid, imsi: sim.imsi, msisdn: Some(lease.msisdn) };
    let nothing = KnownSim { active: None, order: None, number: None, young: false };
    let active = KnownSim {
        active: Some(identity),
        order: Some(AttemptState::Held),
        number: Some(NumberStatus::InUse),
        young: false,
    };
    assert_eq!(known(Duration::ZERO).await, [nothing.clone(), active.clone()]);
    assert_eq!(known(LEASE).await, [nothing, KnownSim { young: true, ..active }]);

    db.store.end_line(Scope::AllBrands, lease.msisdn, LEASE).await.unwrap();
    let [_, ended] = &known(Duration::ZERO).await[..] else { panic!("one for each") };
    assert_eq!((&ended.active, ended.order), (&None, Some(AttemptState::Releasing)));
    assert_eq!(ended.number, Some(NumberStatus::Returned));
}

pub async fn active_sims_come_in_pages(db: &Fixture) {
    let (first, second, ended) = (db.in_use().await, db.in_use().await, db.in_use().await);
    db.store.end_line(Scope::AllBrands, ended.msisdn, LEASE).await.unwrap();
    // It was not ordered from GSIM, so GSIM need not list it.
    db.sim().await;
    let read = async |tenant, range, limit| {
        let sims = db.store.active_sims(&tenant, range, Duration::ZERO, limit).await.unwrap();
        sims.into_iter().map(|sim| (sim.id, sim.msisdn)).collect::<Vec<_>>()
    };
    let [one, two] = [&first, &second].map(|lease| (lease.order, Some(lease.msisdn)));
    assert_eq!(read(acme(), EVERY_SIM, 9).await, [one, two]);
    assert_eq!(read(acme(), EVERY_SIM, 1).await, [one]);
    assert_eq!(read(acme(), SimRange { after: Some(one.0), until: None }, 9).await, [two]);
    assert_eq!(read(acme(), SimRange { after: None, until: Some(one.0) }, 9).await, [one]);
    assert_eq!(read(other(), EVERY_SIM, 9).await, []);
}

pub async fn only_a_sim_that_nobody_can_have_is_a_stray(db: &Fixture) {
    let brand = "acme".parse().unwrap();
    let release = async |id, msisdn| db.store.release_stray_sim(id, msisdn, &brand, LEASE).await.unwrap();
    let (in_use, reserved, stray) = (db.in_use().await, db.reserved().await, SimId::new());
    assert_eq!(release(in_use.order, in_use.msisdn).await, None, "it is active here");
    assert_eq!(release(SimId::new(), in_use.msisdn).await, None, "its number is in use");
    assert_eq!(release(SimId::new(), reserved).await, None, "its number is reserved");
    assert_eq!(release(stray, free_number()).await.map(|delivery| delivery.order), Some(stray));
    assert_eq!(release(stray, free_number()).await, None, "GSIM is being told");
    assert_eq!(db.store.record_sim_delivery(stray).await.unwrap(), Some(AttemptState::Released));
    assert!(release(stray, free_number()).await.is_some(), "GSIM lists it still");
}

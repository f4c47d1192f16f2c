//! Each event names the client whose call made the change, and no other one.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures::future::join_all;
use oss_core::store::{Adoption, Due, EventCursor, EventRow, Extension, Lease, Scope, Store};
use oss_core::{ClientName, ProfileReport, ProfileState, ReservationId, SimId};

use super::Fixture;
use super::fixture::{LAPSED, LEASE, acme, hold};
use super::ordering::{made, replacement};

const MANY: u32 = 1000;

/// The store for the calls of a client.
fn client(db: &Fixture, name: &str) -> Arc<dyn Store> {
    db.store.on_behalf_of(Some(name.parse().expect("a name")))
}

/// Each event after a place, with the client that it names, in the order of their texts.
async fn told(db: &Fixture, after: EventCursor) -> Vec<String> {
    let events = db.events_after(after).await;
    let line = |event: &EventRow| {
        let client = event.changed_by.as_ref().map_or("-", ClientName::as_str);
        format!("{} {client}", event.kind)
    };
    let mut told: Vec<_> = events.iter().map(line).collect();
    told.sort_unstable();
    told
}

pub async fn each_step_of_a_number_names_its_client(db: &Fixture) {
    let start = db.now().await;
    let lease = db.started(&db.preview().await, 1).await;
    let msisdn = lease.hold.msisdn;
    client(db, "reserver").confirm(&lease, LEASE).await.unwrap();
    let longer = Extension { hold_for: LEASE * 2, at_most: LEASE * 3 };
    client(db, "extender").extend(Scope::AllBrands, msisdn, longer).await.unwrap();
    let sim = db.sim().await;
    client(db, "assigner").assign(Scope::AllBrands, msisdn, sim).await.unwrap();
    client(db, "ender").end_line(Scope::AllBrands, msisdn, LEASE).await.unwrap();
    client(db, "gsim").record_sim_delivery(sim).await.unwrap();
    db.store.record_delivery(lease.reservation).await.unwrap();
    let expected = [
        "line.ended ender",
        "number.assigned assigner",
        "number.extended extender",
        "number.reserved reserver",
        "number.returned -",
        "sim.deprogrammed gsim",
        "sim.ended ender",
    ];
    assert_eq!(told(db, start).await, expected);
}

pub async fn an_extension_that_changes_nothing_is_not_told(db: &Fixture) {
    let lease = db.held(&db.preview().await, 1).await;
    let start = db.now().await;
    let shorter = Extension { hold_for: Duration::from_secs(1), at_most: LEASE };
    client(db, "extender").extend(Scope::AllBrands, lease.hold.msisdn, shorter).await.unwrap();
    assert_eq!(told(db, start).await, Vec::<String>::new());
}

pub async fn each_outcome_of_an_attempt_names_its_client(db: &Fixture) {
    let start = db.now().await;
    let refused = db.started(&db.preview().await, 1).await;
    client(db, "one").reject(&refused, "refused").await.unwrap();
    let doubtful = db.started(&db.preview().await, 1).await;
    client(db, "two").doubt(&doubtful, "no answer", LAPSED).await.unwrap();
    let due = db.store.claim_due(MANY, LEASE).await.unwrap().due;
    let [Due::Doubtful { lease, .. }] = &due[..] else { panic!("{due:?}") };
    client(db, "three").cancel(lease, "not held", LEASE).await.unwrap();
    client(db, "four").record_delivery(doubtful.reservation).await.unwrap();
    let late = db.started(&db.preview().await, 1).await;
    db.store.reject(&late, "refused").await.unwrap();
    client(db, "five").confirm(&late, LEASE).await.unwrap();
    let expected = [
        "number.cancelled three",
        "number.in_doubt two",
        "number.rejected -",
        "number.rejected four",
        "number.rejected one",
        "number.released five",
    ];
    assert_eq!(told(db, start).await, expected);
}

pub async fn an_operator_s_step_names_its_client(db: &Fixture) {
    let start = db.now().await;
    let [adopted, kept, stray, lost] = [db.offer(), db.preview().await, db.offer(), db.offer()];
    let brand = acme().brand().clone();
    let sim = db.sim().await;
    let adoption = Adoption { msisdn: adopted.msisdns[0], sim, external_id: Some(adopted.external_id) };
    client(db, "adopter").adopt(&acme(), ReservationId::new(), &adoption).await.unwrap();
    let held = db.held(&kept, 1).await;
    let adoption = Adoption { msisdn: held.hold.msisdn, sim: db.sim().await, external_id: None };
    client(db, "keeper").adopt(&acme(), ReservationId::new(), &adoption).await.unwrap();
    let auditor = client(db, "auditor");
    auditor.release_stray(ReservationId::new(), &hold(&stray, 1), &brand, LEASE).await.unwrap();
    let idle = db.held(&db.preview().await, 1).await;
    auditor.give_back_lost(idle.reservation, "not held in Sigan", LEASE).await.unwrap();
    let lease = Lease { reservation: ReservationId::new(), hold: hold(&lost, 1), ..held };
    client(db, "loser").release_lost(&lease, "its row was lost", LEASE).await.unwrap();
    auditor.release_stray_sim(SimId::new(), db.offer().msisdns[0], &brand, LEASE).await.unwrap();
    let expected = [
        "number.assigned adopter",
        "number.assigned keeper",
        "number.released auditor",
        "number.released auditor",
        "number.released loser",
        "number.reserved -",
        "number.reserved -",
        "sim.ended auditor",
    ];
    assert_eq!(told(db, start).await, expected);
}

pub async fn each_step_of_a_sim_names_its_client(db: &Fixture) {
    let wish = db.wish(db.reserved().await).await;
    let start = db.now().await;
    let lease = db.ordered(&wish).await;
    client(db, "one").doubt_order(&lease, "no answer", LEASE).await.unwrap();
    client(db, "two").issue(&lease, &made(&lease), LEASE).await.unwrap();
    let at = db.record(wish.id).await.sim.updated_at + TimeDelta::seconds(1);
    let report = ProfileReport::new(wish.id, ProfileState::Installed, at, None);
    client(db, "gsim").record_profile(&report).await.unwrap();
    let newer = db.ordered(&replacement(&wish, db.card().await)).await;
    client(db, "three").issue(&newer, &made(&newer), LEASE).await.unwrap();
    let other = db.wish(db.reserved().await).await;
    let refused = db.ordered(&other).await;
    client(db, "four").reject_order(&refused, "no profiles left").await.unwrap();
    let other = db.wish(other.msisdn).await;
    let given_up = db.ordered(&other).await;
    client(db, "five").cancel_order(&given_up, "given up", LEASE).await.unwrap();
    client(db, "six").record_sim_delivery(given_up.order).await.unwrap();
    let expected = [
        "number.assigned two",
        "number.reserved -",
        "sim.cancelled five",
        "sim.ended three",
        "sim.in_doubt one",
        "sim.installed gsim",
        "sim.issued three",
        "sim.issued two",
        "sim.rejected four",
        "sim.rejected six",
    ];
    assert_eq!(told(db, start).await, expected);
}

/// Callers that share a statement are told apart.
pub async fn each_caller_at_once_is_named(db: &Fixture) {
    let start = db.now().await;
    let callers: Vec<String> = (0..40).map(|at| format!("client-{at:02}")).collect();
    let mut leases = Vec::new();
    for _ in &callers {
        leases.push(db.started(&db.preview().await, 1).await);
    }
    let each = || callers.iter().map(|name| client(db, name)).zip(&leases);
    join_all(each().map(async |(store, lease)| store.confirm(lease, LEASE).await.unwrap())).await;
    let release = async |(store, lease): (Arc<dyn Store>, &Lease)| {
        store.release(Scope::AllBrands, lease.hold.msisdn, LEASE).await.unwrap()
    };
    join_all(each().map(release)).await;
    let deliver = async |(store, lease): (Arc<dyn Store>, &Lease)| {
        store.record_delivery(lease.reservation).await.unwrap()
    };
    join_all(each().map(deliver)).await;
    let kinds = ["number.released", "number.reserved", "number.returned"];
    let expected: Vec<_> =
        kinds.iter().flat_map(|kind| callers.iter().map(move |name| format!("{kind} {name}"))).collect();
    assert_eq!(told(db, start).await, expected);
    for event in db.events_after(start).await {
        let at = leases.iter().position(|lease| Some(lease.reservation) == event.reservation).expect("known");
        assert_eq!(event.changed_by.expect("a client").as_str(), callers[at], "its own number");
    }
}

/// The row still has the client of the change before.
pub async fn a_step_of_the_service_or_of_an_older_server_names_nobody(db: &Fixture) {
    let start = db.now().await;
    let [expired, released] = [db.preview().await, db.preview().await];
    let lease = db.started(&expired, 1).await;
    client(db, "web").confirm(&lease, LAPSED).await.unwrap();
    db.store.settle_overdue(MANY).await.unwrap();
    let lease = db.started(&released, 1).await;
    client(db, "web").confirm(&lease, LEASE).await.unwrap();
    let id = lease.reservation.as_uuid().simple().to_string();
    let id = if db.is_sqlite() { format!("x'{id}'") } else { format!("'{id}'") };
    let older = format!("update reservation set state = 'RELEASING', last_error = null where id = {id}");
    db.database.execute(&older).await;
    let wish = db.wish(db.reserved().await).await;
    let lease = db.ordered(&wish).await;
    client(db, "web").issue(&lease, &made(&lease), LEASE).await.unwrap();
    let sim = wish.id.as_uuid().simple().to_string();
    let sim = if db.is_sqlite() { format!("x'{sim}'") } else { format!("'{sim}'") };
    for older in [
        format!("update sim_order set state = 'RELEASED' where id = {sim}"),
        format!("update sim set profile_state = 'ENABLED' where id = {sim}"),
    ] {
        db.database.execute(&older).await;
    }
    let expected = [
        "number.assigned web",
        "number.expired -",
        "number.released -",
        "number.reserved -",
        "number.reserved web",
        "number.reserved web",
        "sim.deprogrammed -",
        "sim.enabled -",
        "sim.issued web",
    ];
    assert_eq!(told(db, start).await, expected);
}

//! Data that was there before, or that another program writes beside the store.
#![expect(
    missing_docs,
    clippy::missing_panics_doc,
    reason = "a behaviour's name says what it is, and it panics where a store lacks it"
)]

use oss_core::store::{Assign, Begin, NewPreview, Range, Release, Tenant};
use oss_core::{Msisdn, NumberStatus, ReservationId, ReservationState as State};
use uuid::Uuid;

use super::Fixture;
use super::fixture::{LEASE, acme, choice, hold};
use crate::backend::Database;

fn database(db: &Fixture) -> &Database {
    db.database.as_ref().expect("a database that another program can reach")
}

/// A brand that was there before there were several.
fn with_older_data() -> Tenant {
    Tenant::new("first".parse().expect("a brand"), true)
}

async fn insert_number(db: &Fixture, msisdn: Msisdn, status: &str) {
    let now = database(db).now();
    let sql = format!(
        "insert into phone_number (msisdn, origin, status, created_at, updated_at)
         values ('{msisdn}', 'VIVO', '{status}', {now}, {now})"
    );
    database(db).execute(&sql).await;
}

pub async fn a_number_of_a_preview_is_released_under_its_id(db: &Fixture) {
    let preview = db.preview().await;
    let msisdn = preview.msisdns[1];
    insert_number(db, msisdn, "RESERVED").await;
    let id = database(db).uuid_literal(preview.id.as_uuid());
    database(db).execute(&format!("update preview set reserved_msisdn = '{msisdn}' where id = {id}")).await;
    let Release::Returned(Some(told)) = db.store.release(None, msisdn, LEASE).await.unwrap() else {
        panic!("not told")
    };
    assert_eq!(told.hold, hold(&preview, 2));
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::Returned), vec![State::Releasing]));
    assert_eq!(db.begin(&preview, 2).await, Begin::Used);
}

pub async fn a_number_without_a_preview_is_given_back(db: &Fixture) {
    let msisdn = db.offer().msisdns[0];
    insert_number(db, msisdn, "RESERVED").await;
    assert_eq!(db.store.release(None, msisdn, LEASE).await.unwrap(), Release::Returned(None));
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::Returned), vec![]));
}

pub async fn a_number_that_another_program_put_on_a_line_stays(db: &Fixture) {
    let lease = db.held(&db.preview().await, 1).await;
    let (msisdn, sim) = (lease.hold.msisdn, Uuid::now_v7());
    let literal = database(db).uuid_literal(sim);
    let sql = format!(
        "update phone_number set status = 'IN_USE', assigned_sim_id = {literal} where msisdn = '{msisdn}'"
    );
    database(db).execute(&sql).await;
    assert_eq!(db.store.release(None, msisdn, LEASE).await.unwrap(), Release::Forbidden(NumberStatus::InUse));
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::InUse), vec![State::Held]));
    assert_eq!(db.store.assign(None, msisdn, sim.into()).await.unwrap(), Assign::Assigned);
}

pub async fn a_number_on_a_line_elsewhere_is_taken(db: &Fixture) {
    let preview = db.preview().await;
    insert_number(db, preview.msisdns[0], "IN_USE").await;
    insert_number(db, preview.msisdns[1], "RETURNED").await;
    assert_eq!(db.begin(&preview, 1).await, Begin::Taken(preview.msisdns[0]));
    db.started(&preview, 2).await;
}

pub async fn the_lock_is_in_the_database(db: &Fixture) {
    let lease = db.started(&db.preview().await, 1).await;
    let (id, original) = (Uuid::now_v7(), lease.reservation.as_uuid());
    let (id, original) = (database(db).uuid_literal(id), database(db).uuid_literal(original));
    let copy = |preview: &str, state: &str| {
        format!(
            "insert into reservation
                 (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts, created_at, updated_at)
             select {id}, {preview}, external_id, brand_id, msisdn, '{state}', due_at, 1, created_at, updated_at
             from reservation where id = {original}"
        )
    };
    for (preview, state) in [("null", "PENDING"), ("null", "IN_DOUBT"), ("preview_id", "RELEASING")] {
        let refused = database(db).try_execute(&copy(preview, state)).await;
        assert!(refused.is_err(), "a second row, {preview} and {state}");
    }
    database(db).try_execute(&copy("null", "RELEASING")).await.expect("what is being released holds nothing");
}

pub async fn a_state_that_does_not_exist_is_refused(db: &Fixture) {
    let lease = db.held(&db.preview().await, 1).await;
    for sql in [
        "update reservation set state = 'LOST'",
        "update reservation set due_at = null",
        "update phone_number set status = 'LOST'",
    ] {
        assert!(database(db).try_execute(sql).await.is_err(), "{sql}");
    }
    assert_eq!(db.states(lease.hold.msisdn).await.1, [State::Held]);
}

pub async fn a_ported_in_number_is_not_looked_for_in_sigan(db: &Fixture) {
    let (ported, older) = (db.offer().msisdns[0], db.offer().msisdns[0]);
    for msisdn in [ported, older] {
        insert_number(db, msisdn, "RESERVED").await;
    }
    database(db)
        .execute(&format!("update phone_number set origin = 'CLARO' where msisdn = '{ported}'"))
        .await;
    let all = Range { after: None, until: None };
    let held = db.store.held_numbers(&with_older_data(), all, LEASE, 10).await.unwrap();
    assert_eq!(held.iter().map(|number| number.msisdn).collect::<Vec<_>>(), [older]);
    assert_eq!(db.store.held_numbers(&acme(), all, LEASE, 10).await.unwrap(), [], "another brand's");
}

pub async fn it_belongs_to_the_brand_that_there_was(db: &Fixture) {
    let (owner, stranger) = (with_older_data(), acme());
    let preview = NewPreview { brand: "unknown".parse().expect("a brand"), ..db.offer() };
    db.store.create_preview(&preview).await.unwrap();
    let numbers = [preview.msisdns[1], preview.msisdns[2]];
    for msisdn in numbers {
        insert_number(db, msisdn, "RESERVED").await;
    }
    let begin = async |tenant| {
        let id = ReservationId::new();
        db.store.begin_reservation(Some(tenant), id, preview.id, choice(1), Some(LEASE)).await.unwrap()
    };
    assert_eq!(begin(&stranger).await, Begin::UnknownPreview);
    assert_eq!(db.store.previous_preview(Some(&stranger), preview.id).await.unwrap(), None);
    assert!(db.store.previous_preview(Some(&owner), preview.id).await.unwrap().is_some());
    let Begin::Started(lease) = begin(&owner).await else { panic!("no lease") };
    db.store.confirm(&lease, LEASE).await.unwrap();
    assert_eq!(db.store.holding_brands().await.unwrap(), [], "it has no name that Sigan knows");
    let all = Range { after: None, until: None };
    assert_eq!(db.store.held_numbers(&owner, all, LEASE, 10).await.unwrap().len(), 3);
    assert_eq!(db.store.held_numbers(&stranger, all, LEASE, 10).await.unwrap(), []);
    let sim = Uuid::now_v7().into();
    for msisdn in [numbers[0], numbers[1], lease.hold.msisdn] {
        assert_eq!(db.store.number(Some(&stranger), msisdn).await.unwrap(), None);
        assert_eq!(db.store.release(Some(&stranger), msisdn, LEASE).await.unwrap(), Release::Unknown);
        assert_eq!(db.store.assign(Some(&stranger), msisdn, sim).await.unwrap(), Assign::Unknown);
        assert!(db.store.number(Some(&owner), msisdn).await.unwrap().is_some());
    }
    assert_eq!(db.store.assign(Some(&owner), numbers[0], sim).await.unwrap(), Assign::Assigned);
    for msisdn in [numbers[1], lease.hold.msisdn] {
        let released = db.store.release(Some(&owner), msisdn, LEASE).await.unwrap();
        assert!(matches!(released, Release::Returned(_)), "{released:?}");
        assert_eq!(db.store.release(Some(&stranger), msisdn, LEASE).await.unwrap(), Release::Unknown);
    }
}

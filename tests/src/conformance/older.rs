//! Data that existed before this service, or that another program writes while the store is used.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::collections::BTreeSet;

use oss_core::store::{
    Assign, Begin, BeginOrder, Intent, NewOrder, NewPreview, OrderPurpose, Overdue, Range, Release, Scope,
    Tenant,
};
use oss_core::{AttemptState as State, ListOptions, Msisdn, NumberStatus, ReservationId, WantedSim};
use uuid::Uuid;

use super::Fixture;
use super::fixture::{LAPSED, LEASE, acme, choice, hold};
use super::listing::{listed, with_status};
use crate::backend::Database;

fn database(db: &Fixture) -> &Database {
    &db.database
}

/// A brand that existed before there were several.
fn with_older_data() -> Tenant {
    Tenant::new("first".parse().expect("a brand"), true)
}

/// The numbers that a tenant holds.
async fn held(db: &Fixture, tenant: &Tenant) -> BTreeSet<Msisdn> {
    let all = Range { after: None, until: None };
    let page = db.store.held_numbers(tenant, all, LEASE, 100).await.unwrap();
    page.numbers.iter().map(|number| number.msisdn).collect()
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
    let Release::Returned(Some(delivery)) = db.store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap()
    else {
        panic!("no delivery")
    };
    assert_eq!(delivery.hold, hold(&preview, 2));
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::Returned), vec![State::Releasing]));
    assert_eq!(db.begin(&preview, 2).await, Begin::Used);
}

pub async fn a_number_without_a_preview_is_given_back(db: &Fixture) {
    let msisdn = db.offer().msisdns[0];
    insert_number(db, msisdn, "RESERVED").await;
    assert_eq!(db.store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap(), Release::Returned(None));
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::Returned), vec![]));
}

pub async fn numbers_without_a_reservation_are_listed(db: &Fixture) {
    let offer = db.offer();
    let own = offer.msisdns.clone();
    for (msisdn, status) in own.iter().zip(["RESERVED", "IN_USE", "RETURNED"]) {
        insert_number(db, *msisdn, status).await;
    }
    // A row that cannot be read does not end the list.
    let unreadable = "insert into phone_number (msisdn, origin, status, created_at, updated_at)
                      select 'x', origin, status, created_at, updated_at from phone_number";
    database(db).execute(&format!("{unreadable} where msisdn = '{}'", own[0])).await;
    let (brand, later) =
        (Tenant::new("acme".parse().unwrap(), true), Tenant::new("acme".parse().unwrap(), false));
    for (scope, is_listed) in
        [(Scope::AllBrands, true), (Scope::Brand(&brand), true), (Scope::Brand(&later), false)]
    {
        let expected: &[Msisdn] = if is_listed { &own } else { &[] };
        let all = listed(db, scope, &ListOptions::default(), &own).await;
        assert_eq!(all.iter().map(|number| number.msisdn).collect::<Vec<_>>(), expected);
        assert!(all.iter().all(|number| number.state.is_none() && number.brand_id.is_none()));
        let reserved = listed(db, scope, &with_status(NumberStatus::Reserved), &own).await;
        assert_eq!(reserved.len(), usize::from(is_listed));
    }
    // Once a reservation says whose it is, it is in the list once.
    let taken = NewPreview { msisdns: vec![own[2]], ..db.offer() };
    db.store.create_preview(&taken).await.unwrap();
    db.held(&taken, 1).await;
    for scope in [Scope::AllBrands, Scope::Brand(&brand)] {
        let all = listed(db, scope, &ListOptions::default(), &own).await;
        assert_eq!(all.iter().map(|number| number.msisdn).collect::<Vec<_>>(), own);
    }
}

pub async fn a_number_without_a_hold_is_not_extended(db: &Fixture) {
    let msisdn = db.offer().msisdns[0];
    insert_number(db, msisdn, "RESERVED").await;
    let extended = db.store.extend(Scope::AllBrands, msisdn, super::extensions::EXTENSION).await.unwrap();
    assert_eq!(extended, oss_core::store::Extend::Endless);
}

pub async fn a_number_that_another_program_put_on_a_line_stays(db: &Fixture) {
    let lease = db.held(&db.preview().await, 1).await;
    let (msisdn, sim) = (lease.hold.msisdn, db.sim().await);
    let literal = database(db).uuid_literal(sim.as_uuid());
    let sql = format!(
        "update phone_number set status = 'IN_USE', assigned_sim_id = {literal} where msisdn = '{msisdn}'"
    );
    database(db).execute(&sql).await;
    assert_eq!(
        db.store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap(),
        Release::Forbidden(NumberStatus::InUse)
    );
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::InUse), vec![State::Held]));
    assert_eq!(db.store.assign(Scope::AllBrands, msisdn, sim).await.unwrap(), Assign::Assigned);
}

pub async fn a_number_on_a_line_elsewhere_is_taken(db: &Fixture) {
    let preview = db.preview().await;
    insert_number(db, preview.msisdns[0], "IN_USE").await;
    insert_number(db, preview.msisdns[1], "RETURNED").await;
    assert_eq!(db.begin(&preview, 1).await, Begin::Taken(preview.msisdns[0]));
    db.started(&preview, 2).await;
}

/// The older program chose it without recording a reservation.
pub async fn a_preview_that_gave_a_number_before_gives_no_other(db: &Fixture) {
    let preview = db.preview().await;
    let id = database(db).uuid_literal(preview.id.as_uuid());
    insert_number(db, preview.msisdns[0], "RESERVED").await;
    let given = format!("update preview set reserved_msisdn = '{}' where id = {id}", preview.msisdns[0]);
    database(db).execute(&given).await;
    for index in 1..=3 {
        assert_eq!(db.begin(&preview, index).await, Begin::Used, "{index}");
    }
    assert!(db.store.previous_preview(Scope::AllBrands, preview.id).await.unwrap().unwrap().in_use);
}

/// Unreadable rows are set aside and do not stop the other rows.
pub async fn one_unreadable_row_does_not_stop_the_others(db: &Fixture) {
    const ROWS: usize = 20;
    let mut leases = Vec::new();
    for _ in 0..ROWS {
        leases.push(db.held(&db.preview().await, 1).await);
    }
    let spoilt = &leases[3];
    let id = database(db).uuid_literal(spoilt.reservation.as_uuid());
    let unseen = if db.is_sqlite() { "char(10)" } else { "chr(10)" };
    database(db)
        .execute(&format!("update reservation set external_id = 'a' || {unseen} where id = {id}"))
        .await;

    let released = db.store.release(Scope::AllBrands, spoilt.hold.msisdn, LEASE).await.unwrap();
    let Release::SetAside(row) = released else { panic!("{released:?}") };
    assert_eq!((row.table, row.key), ("reservation", spoilt.reservation.to_string()));
    let number = db.number(spoilt.hold.msisdn).await.unwrap();
    assert_eq!(number.status(), Some(NumberStatus::Returned), "what was answered was done");
    assert_eq!(number.history[0].external_id, None);
    assert_eq!(number.history[0].reason.as_deref(), Some("external_id cannot be read"));

    // The row is claimed as if nobody knew yet that it is unreadable.
    database(db).execute(&format!("update reservation set set_aside = null where id = {id}")).await;
    for lease in &leases {
        db.store.release(Scope::AllBrands, lease.hold.msisdn, LEASE).await.unwrap();
    }
    database(db)
        .execute(&format!("update reservation set due_at = {} where state = 'RELEASING'", database(db).now()))
        .await;
    let claims = db.store.claim_due(100, LEASE).await.unwrap();
    assert_eq!((claims.due.len(), claims.set_aside.len()), (ROWS - 1, 1), "{:?}", claims.set_aside);
    database(db)
        .execute(&format!("update reservation set due_at = {} where state = 'RELEASING'", database(db).now()))
        .await;
    let claims = db.store.claim_due(100, LEASE).await.unwrap();
    assert_eq!((claims.due.len(), claims.set_aside.len()), (ROWS - 1, 0), "it is not claimed again");
    assert_eq!(db.store.census(100).await.unwrap().set_aside, 1);
    let listed = db.store.set_aside_rows(None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [spoilt.reservation]);
    assert_eq!(db.store.set_aside_rows(Some(spoilt.reservation), 10).await.unwrap(), []);
}

/// A number that another program gave a status which this service does not know is shown, and never acted on.
pub async fn a_number_of_an_unknown_status_is_left_alone(db: &Fixture) {
    if !db.is_existing() {
        // Our own tables refuse such a status.
        return;
    }
    let lease = db.started(&db.preview().await, 1).await;
    db.store.confirm(&lease, LAPSED).await.unwrap();
    let msisdn = lease.hold.msisdn;
    database(db)
        .execute(&format!(
            "update phone_number set status = 'REMOVED', updated_at = null where msisdn = '{msisdn}'"
        ))
        .await;
    let removed = NumberStatus::from("REMOVED");
    assert_eq!(db.number(msisdn).await.unwrap().status(), Some(removed.clone()));
    assert_eq!(
        db.store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap(),
        Release::Forbidden(removed.clone())
    );
    let assigned = db.store.assign(Scope::AllBrands, msisdn, db.sim().await).await.unwrap();
    assert_eq!(assigned, Assign::Forbidden(removed));
    let overdue = db.store.settle_overdue(100).await.unwrap();
    assert_eq!(overdue, Overdue { set_aside: 1, ..Overdue::default() });
    assert_eq!(db.store.settle_overdue(100).await.unwrap(), Overdue::default(), "once");
    assert_eq!(db.states(msisdn).await.1, [State::Held]);
}

/// If a number is held without a reservation, only its preview has Sigan's id of its hold.
pub async fn a_preview_that_a_held_number_came_from_is_kept(db: &Fixture) {
    for status in ["RESERVED", "IN_USE"] {
        let preview = db.expired().await;
        let (msisdn, id) = (preview.msisdns[0], database(db).uuid_literal(preview.id.as_uuid()));
        insert_number(db, msisdn, status).await;
        database(db)
            .execute(&format!("update preview set reserved_msisdn = '{msisdn}' where id = {id}"))
            .await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        db.store.purge_previews(LAPSED, 100).await.unwrap();
        assert!(db.store.previous_preview(Scope::AllBrands, preview.id).await.unwrap().is_some(), "{status}");
        database(db)
            .execute(&format!("update phone_number set status = 'RETURNED' where msisdn = '{msisdn}'"))
            .await;
        db.store.purge_previews(LAPSED, 100).await.unwrap();
        assert_eq!(db.store.previous_preview(Scope::AllBrands, preview.id).await.unwrap(), None, "{status}");
    }
}

pub async fn the_lock_is_in_the_database(db: &Fixture) {
    let lease = db.started(&db.preview().await, 1).await;
    let (id, original) = (Uuid::now_v7(), lease.reservation.as_uuid());
    let (id, original) = (database(db).uuid_literal(id), database(db).uuid_literal(original));
    let copy = |preview: &str, external_id: &str, state: &str| {
        format!(
            "insert into reservation
                 (id, preview_id, external_id, brand_id, msisdn, state, due_at, attempts, created_at, updated_at)
             select {id}, {preview}, {external_id}, brand_id, msisdn, '{state}', due_at, 1, created_at, updated_at
             from reservation where id = {original}"
        )
    };
    for (preview, external_id, state) in [
        ("null", "'other'", "PENDING"),
        ("null", "'other'", "IN_DOUBT"),
        ("preview_id", "'other'", "RELEASING"),
        ("null", "external_id", "RELEASING"),
    ] {
        let refused = database(db).try_execute(&copy(preview, external_id, state)).await;
        assert!(refused.is_err(), "a second row, {preview}, {external_id} and {state}");
    }
    let another_hold = copy("null", "'other'", "RELEASING");
    database(db).try_execute(&another_hold).await.expect("what is being released holds nothing");
}

pub async fn a_state_that_does_not_exist_is_refused(db: &Fixture) {
    let lease = db.held(&db.preview().await, 1).await;
    // The existing database knows more statuses than we do.
    let of_numbers = (!db.is_existing()).then_some("update phone_number set status = 'LOST'");
    let of_reservations = ["update reservation set state = 'LOST'", "update reservation set due_at = null"];
    for sql in of_reservations.into_iter().chain(of_numbers) {
        assert!(database(db).try_execute(sql).await.is_err(), "{sql}");
    }
    assert_eq!(db.states(lease.hold.msisdn).await.1, [State::Held]);
}

pub async fn a_ported_in_number_is_not_looked_for_in_sigan(db: &Fixture) {
    let before = held(db, &with_older_data()).await;
    let (ported, older) = (db.offer().msisdns[0], db.offer().msisdns[0]);
    for msisdn in [ported, older] {
        insert_number(db, msisdn, "RESERVED").await;
    }
    database(db)
        .execute(&format!("update phone_number set origin = 'CLARO' where msisdn = '{ported}'"))
        .await;
    let held_now = held(db, &with_older_data()).await;
    assert_eq!(held_now.difference(&before).copied().collect::<Vec<_>>(), [older]);
    assert!(held(db, &acme()).await.is_empty(), "another brand's");
}

pub async fn it_belongs_to_the_brand_that_there_was(db: &Fixture) {
    let (owner, stranger) = (with_older_data(), acme());
    let before = held(db, &owner).await;
    let preview = NewPreview { brand: "unknown".parse().expect("a brand"), ..db.offer() };
    db.store.create_preview(&preview).await.unwrap();
    let numbers = [preview.msisdns[1], preview.msisdns[2]];
    for msisdn in numbers {
        insert_number(db, msisdn, "RESERVED").await;
    }
    let begin = async |tenant| {
        let id = ReservationId::new();
        db.store
            .begin_reservation(Scope::Brand(tenant), id, preview.id, choice(1), Intent::Take(LEASE))
            .await
            .unwrap()
    };
    assert_eq!(begin(&stranger).await, Begin::UnknownPreview);
    assert_eq!(db.store.previous_preview(Scope::Brand(&stranger), preview.id).await.unwrap(), None);
    assert!(db.store.previous_preview(Scope::Brand(&owner), preview.id).await.unwrap().is_some());
    let Begin::Started(lease) = begin(&owner).await else { panic!("no lease") };
    db.store.confirm(&lease, LEASE).await.unwrap();
    assert_eq!(db.store.holding_brands().await.unwrap(), [], "it has no name that Sigan knows");
    assert_eq!(held(db, &owner).await.difference(&before).count(), 3);
    assert!(held(db, &stranger).await.is_empty());
    let sim = db.sim_for(&owner).await;
    for msisdn in [numbers[0], numbers[1], lease.hold.msisdn] {
        assert_eq!(db.store.number(Scope::Brand(&stranger), msisdn).await.unwrap(), None);
        assert_eq!(db.store.release(Scope::Brand(&stranger), msisdn, LEASE).await.unwrap(), Release::Unknown);
        assert_eq!(db.store.assign(Scope::Brand(&stranger), msisdn, sim).await.unwrap(), Assign::Unknown);
        assert!(db.store.number(Scope::Brand(&owner), msisdn).await.unwrap().is_some());
    }
    assert_eq!(db.store.assign(Scope::Brand(&owner), numbers[0], sim).await.unwrap(), Assign::Assigned);
    for msisdn in [numbers[1], lease.hold.msisdn] {
        let released = db.store.release(Scope::Brand(&owner), msisdn, LEASE).await.unwrap();
        assert!(matches!(released, Release::Returned(_)), "{released:?}");
        assert_eq!(db.store.release(Scope::Brand(&stranger), msisdn, LEASE).await.unwrap(), Release::Unknown);
    }
}

/// The existing database has tables of lines, addresses and brands. An order is refused before GSIM is asked.
pub async fn an_order_names_what_another_program_knows(db: &Fixture) {
    let answers = |unknown| if db.is_existing() { vec![unknown] } else { Vec::new() };
    let refused = async |wish: NewOrder| match db.order(&wish).await {
        BeginOrder::Started(_) => Vec::new(),
        other => vec![other],
    };
    let line = OrderPurpose::FirstSim(Uuid::now_v7().into());
    let unknown = NewOrder { purpose: line, ..db.wish(db.reserved().await).await };
    assert_eq!(refused(unknown).await, answers(BeginOrder::UnknownLine));
    let WantedSim::Card { iccid, .. } = db.card().await else { panic!("it is a card") };
    let address = Uuid::now_v7().simple().to_string().parse().expect("a hash");
    let wanted = WantedSim::Card { iccid, address };
    let unknown = NewOrder { wanted, ..db.wish(db.reserved().await).await };
    assert_eq!(refused(unknown).await, answers(BeginOrder::UnknownAddress));
    let msisdn = db.offer().msisdns[0];
    insert_number(db, msisdn, "RESERVED").await;
    let unknown = NewOrder { brand: "nobody".parse().expect("a brand"), ..db.wish(msisdn).await };
    assert_eq!(refused(unknown).await, answers(BeginOrder::UnknownBrand));
}

//! The database that existed before this service. It is migrated, used, swept and audited, and other programs continue to use it.

use std::time::Duration;

use oss_core::sigan::mock::Inventory;
use oss_core::store::{Assign, LineStore, OtherNumber, PostgresStore, Scope, Store};
use oss_core::{AttemptState, Msisdn, NumberStatus};
use oss_tests::backend::Database;
use oss_tests::cli::run_beside;
use oss_tests::postgres::Postgres;
use oss_tests::server::Server;
use oss_tests::settle::settings;
use oss_tests::sigan::Sigan;
use reqwest::Method;
use serde_json::{Value, json};

const TTL: Duration = Duration::from_hours(24);

/// Gives the table of migrations the name that an earlier version of this service used.
const EARLIER: &str = "alter table oss_migrations rename to _sqlx_migrations";

fn store(database: &Database) -> PostgresStore {
    PostgresStore::new(&database.url().into(), 2).expect("the URL is one of PostgreSQL")
}

#[tokio::test(flavor = "multi_thread")]
async fn held_numbers_are_recorded_once() {
    let database = Database::existing_unmigrated().await;
    let report = PostgresStore::migrate(&database.url().into(), TTL).await.unwrap();
    // Two reserved numbers and one on a line have a preview. One number has none, and one is not a mobile number.
    assert_eq!((report.adopted, report.without_external_id, report.unreadable), (3, 1, 1));
    let again = PostgresStore::migrate(&database.url().into(), TTL).await.unwrap();
    assert_eq!((again.adopted, again.without_external_id, again.unreadable), (0, 1, 1));

    let store = store(&database);
    store.check().await.unwrap();
    let states = async |msisdn: &str| {
        let number =
            store.number(Scope::AllBrands, msisdn.parse().unwrap()).await.unwrap().expect("it is known");
        let holds: Vec<_> = number
            .history
            .iter()
            .map(|hold| (hold.state, hold.external_id.as_ref().map(ToString::to_string)))
            .collect();
        (number.status().expect("it has a status"), holds)
    };
    let held = |state, id: &str| vec![(state, Some(id.to_owned()))];
    for (msisdn, status, holds) in [
        ("11999950001", NumberStatus::Reserved, held(AttemptState::Held, "ABC-1")),
        ("11999950004", NumberStatus::Reserved, held(AttemptState::Held, "OLD.4:x")),
        ("11988880003", NumberStatus::InUse, held(AttemptState::Assigned, "LINE-1")),
        ("11988880001", NumberStatus::Reserved, vec![]),
        ("11988880002", NumberStatus::InUse, vec![]),
        ("21977770003", NumberStatus::from("REMOVED"), vec![]),
    ] {
        assert_eq!(states(msisdn).await, (status, holds), "{msisdn}");
    }
    let full =
        "select count(*) from reservation where state = 'HELD' and due_at > now() + interval '23 hours'";
    assert_eq!(database.count(full).await, 2, "they have all of their time");
}

/// The server, the sweep and the audit work on this database, and no unusual row stops them.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_used_swept_and_audited() {
    let database = Database::existing().await;
    let sigan = Sigan::start(Inventory::new("PR")).await;
    let server = Server::start(&database, &sigan.url(), &[]);
    let http = server.http();
    let sweep = async || http.send(http.request(Method::POST, "/sweeps")).await;
    assert_eq!(sweep().await.status, 200);
    // The sweep deletes these two previews, which ended long ago. The reservation keeps Sigan's id of the number on a line.
    database
        .wait_for_count("select count(*) from preview where external_id in ('OLD 3/ç', 'LINE-1')", 0)
        .await;
    assert_eq!(database.count("select count(*) from reservation where external_id = 'LINE-1'").await, 1);

    for (msisdn, status) in
        [("11988880001", "RESERVED"), ("11988880003", "IN_USE"), ("21977770003", "REMOVED")]
    {
        let shown = http.get(&format!("/numbers/{msisdn}")).await;
        assert_eq!((shown.status, &shown.body["status"]), (200, &json!(status)), "{msisdn}");
    }
    for (msisdn, status) in
        [("11988880001", 204), ("11999950004", 204), ("11988880003", 409), ("21977770003", 409)]
    {
        assert_eq!(http.delete(&format!("/reservations/{msisdn}")).await.status, status, "{msisdn}");
    }
    let unknown = json!({ "simId": "018f0000-0000-7000-a000-000000000099" });
    let refused = http.put_json("/reservations/11999950001/assignment", unknown).await;
    assert_eq!((refused.status, &refused.body["type"]), (422, &json!("urn:oss:problem:unknown-sim")));
    let on_a_line = json!({ "simId": "018f0000-0000-7000-a000-000000000001" });
    let refused = http.put_json("/reservations/11999950001/assignment", on_a_line).await;
    assert_eq!((refused.status, &refused.body["type"]), (409, &json!("urn:oss:problem:sim-has-number")));
    let new_sim = "
        insert into sim (id, iccid, carrier_tag, line_id, vivo_imsi, sim_type, technology, status)
        select '018f0000-0000-7000-a000-000000000002', '8955100123456789029', carrier_tag, line_id, vivo_imsi, sim_type, technology, status
        from sim";
    database.execute(new_sim).await;
    let known = json!({ "simId": "018f0000-0000-7000-a000-000000000002" });
    assert_eq!(http.put_json("/reservations/11999950001/assignment", known).await.status, 204);
    assert_eq!(http.post("/reservations", json!({ "areaCode": "21" })).await.status, 201);
    database.wait_for_count("select count(*) from reservation where state = 'RELEASING'", 0).await;
    assert_eq!(sweep().await.status, 200);

    let url = sigan.url();
    let arguments = ["--output", "json", "audit", "--min-age", "1s"];
    let audited = run_beside(&settings(&database, &url), &arguments).await;
    assert_eq!(audited.code, 4, "{audited:?}");
    let report: Value = serde_json::from_str(&audited.stdout).expect("JSON");
    let rows: Vec<_> =
        report["differences"].as_array().unwrap().iter().filter_map(|one| one["row"].as_str()).collect();
    assert_eq!(rows, ["phone_number 2133334444: msisdn cannot be read"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_know_nothing_of_brands_go_on() {
    let database = Database::existing().await;
    database.execute("insert into preview (external_id) values ('NEW-1')").await;
    let defaults = "select count(*) from preview
        where external_id = 'NEW-1' and brand_id = 'unknown' and expires_at > now() + interval '14 minutes'";
    assert_eq!(database.count(defaults).await, 1);
}

/// The table `_sqlx_migrations` may belong to another program that uses the database.
#[tokio::test(flavor = "multi_thread")]
async fn the_versions_of_another_program_are_not_touched() {
    const OTHERS: &str = "
        create table _sqlx_migrations (
            version bigint primary key, description text not null, installed_on timestamptz not null default now(),
            success boolean not null, checksum bytea not null, execution_time bigint not null);
        insert into _sqlx_migrations values (1, 'another program', now(), true, '\\x00', 0)";
    let database = Database::existing_unmigrated().await;
    database.execute(OTHERS).await;
    PostgresStore::migrate(&database.url().into(), TTL).await.unwrap();
    assert_eq!(database.count("select count(*) from _sqlx_migrations").await, 1);
    store(&database).check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_of_an_earlier_version_moves_over() {
    let database = Database::postgres().await;
    for statement in [
        EARLIER,
        "delete from _sqlx_migrations where version > 3",
        "alter table reservation drop column lease_id, drop column set_aside",
        "drop index reservation_hold",
        "alter table phone_number drop column shares_sim, drop column unrecorded",
        "drop index phone_number_status, phone_number_assigned_sim, reservation_brand_state, reservation_age, reservation_expiry",
        "drop table oss_installation",
        "alter table phone_number drop constraint phone_number_assigned_sim_id_fkey",
        "alter table reservation drop column order_id",
        "drop table operator_session",
        "drop table upstream_call",
        "drop table attempt_count, counted_events, draw_count, last_audit, hourly_changes, draw_batch",
        "drop table event, event_offset, webhook",
        "drop function write_begun_reservation, write_changed_reservations, write_sim_order, write_profile, event_transaction,
             event_state, number_event_kind, sim_event_kind cascade",
        "alter table reservation drop column expiring_for, drop column changed_by, drop column named_changes",
        "drop table profile_report, activation_read, association_history, sim_order, esim, sim_card, sim",
    ] {
        database.execute(statement).await;
    }
    let error = store(&database).check().await.unwrap_err();
    assert!(error.to_string().contains("oss migrate"), "{error}");
    PostgresStore::migrate(&database.url().into(), TTL).await.unwrap();
    store(&database).check().await.unwrap();
    assert_eq!(database.count("select count(*) from oss_migrations").await, 13);
    assert_eq!(database.count("select count(*) from _sqlx_migrations").await, 3, "left as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_hold_every_text_is_refused() {
    let latin = Postgres::shared().await.latin_database().await;
    let error = PostgresStore::migrate(&latin, TTL).await.unwrap_err().to_string();
    assert!(error.contains("LATIN1") && error.contains("UTF8"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_share_a_sim_are_counted_and_left_alone() {
    let database = Database::existing_unmigrated().await;
    let shared = "018f0000-0000-7000-a000-000000000001";
    let second = format!(
        "insert into phone_number (msisdn, origin, status, assigned_sim_id)
         values ('11988880009', 'VIVO', 'IN_USE', '{shared}'), ('11988880008', 'VIVO', 'REMOVED', '{shared}')"
    );
    database.execute(&second).await;
    let report = PostgresStore::migrate(&database.url().into(), TTL).await.unwrap();
    assert_eq!(report.sharing_sim, 1);
    let on_it = format!("select msisdn from phone_number where assigned_sim_id = '{shared}' order by msisdn");
    assert_eq!(database.texts(&on_it).await, ["11988880003", "11988880008", "11988880009"]);

    let store = store(&database);
    let assign = async |msisdn: &str| {
        store.assign(Scope::AllBrands, msisdn.parse().unwrap(), shared.parse().unwrap()).await.unwrap()
    };
    let first: Msisdn = "11988880003".parse().unwrap();
    assert_eq!(
        assign("11999950001").await,
        Assign::SimHasNumber(OtherNumber::Shown(first.masked())),
        "no third one"
    );
    assert_eq!(assign("11988880009").await, Assign::Assigned, "it was, and stays");
}

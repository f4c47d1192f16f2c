//! The cost of a story depends on its number, and not on what is stored. The test reads the plans of the statements among very many
//! rows.

use std::time::Duration;

use oss_core::store::{PgPoolOptions, PostgresStore, Scope, SimStore, StoryStore, Tenant, bounded};
use oss_core::{Msisdn, SimId};
use oss_tests::backend::Database;
use oss_tests::postgres::Postgres;
use uuid::Uuid;

/// Fills the tables with numbers that are on SIMs, their events and their calls.
const STORED: &str = "
    alter table reservation disable trigger user;
    alter table sim_order disable trigger user;
    alter table sim disable trigger user;
    insert into phone_number (msisdn, origin, status)
    select '119' || lpad(n::text, 8, '0'), 'VIVO', 'RESERVED' from generate_series(1, {numbers}) n;
    insert into reservation (id, external_id, brand_id, msisdn, state)
    select gen_random_uuid(), 'PR-' || msisdn, 'acme', msisdn, 'ASSIGNED' from phone_number;
    insert into sim_order (id, msisdn, line_id, carrier_tag, sim_type, technology, iccid, state)
    select gen_random_uuid(), msisdn, gen_random_uuid(), 'acme', 'SIM_CARD', '4G', '8955' || msisdn, 'HELD' from phone_number;
    insert into sim (id, iccid, carrier_tag, line_id, vivo_imsi, sim_type, technology, status)
    select id, iccid, carrier_tag, line_id, '724' || id, sim_type, technology, 'ACTIVE' from sim_order;
    insert into association_history (msisdn, sim_id, line_id) select msisdn, id, line_id from sim_order;
    insert into activation_read (sim_id, client) select id, 'web' from sim_order;
    insert into event (transaction_id, kind, brand_id, reservation_id, msisdn, state_after)
    select 3, 'number.reserved', 'acme', id, msisdn, 'HELD' from reservation;
    insert into event (transaction_id, kind, brand_id, sim_id, msisdn, state_after)
    select 3, 'sim.issued', 'acme', id, msisdn, 'HELD' from sim_order;
    insert into upstream_call (id, system, call, external_id, sent_at, duration_ms, outcome, brand_id, request_id)
    select gen_random_uuid(), 'sigan', 'pre_reserve', external_id, now(), 5, 'ok', 'acme', gen_random_uuid() from reservation;
    insert into upstream_call (id, system, call, external_id, msisdn, sent_at, duration_ms, outcome, brand_id, request_id)
    select gen_random_uuid(), 'sigan', 'reserve', external_id, msisdn, now(), 5, 'ok', 'acme', gen_random_uuid() from reservation;
    insert into upstream_call (id, system, call, sim_id, msisdn, sent_at, duration_ms, outcome, brand_id)
    select gen_random_uuid(), 'gsim', 'activate_card', id, msisdn, now(), 5, 'ok', 'acme' from sim_order;
    update upstream_call set sent_at = now() - interval '60 days' where external_id = 'PR-11900000007';
    update upstream_call set request_id = '018f0000-0000-7000-8000-000000000001' where external_id = 'PR-11900000007';
    analyze";

/// The tables that grow with the numbers.
const TABLES: [&str; 8] = [
    "phone_number",
    "reservation",
    "sim_order",
    "sim",
    "association_history",
    "activation_read",
    "event",
    "upstream_call",
];

/// The option of a connection that makes PostgreSQL log the plan of every statement.
const EXPLAINED: &str = "options=-c%20session_preload_libraries%3Dauto_explain%20-c%20auto_explain.log_min_duration%3D0%20-c%20auto_explain.log_analyze%3Don";

/// The times that each story is read, so that PostgreSQL may use the plan that it keeps for every value.
const READS: usize = 7;

#[tokio::test(flavor = "multi_thread")]
async fn a_story_reads_only_its_rows() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    for statement in STORED.split_terminator(';') {
        database.execute(&statement.replace("{numbers}", "200000")).await;
    }
    let url = format!("{}?{EXPLAINED}", database.url());
    let pool = PgPoolOptions::new().max_connections(1);
    let pool = pool.connect_with(bounded(url.parse().unwrap())).await.unwrap();
    let store = PostgresStore::with_pool(pool);
    let msisdn: Msisdn = "11900000007".parse().unwrap();
    let sim: SimId = store.associations(Scope::AllBrands, msisdn).await.unwrap()[0].sim_id;
    let request: Uuid = "018f0000-0000-7000-8000-000000000001".parse().unwrap();
    let tenant = Tenant::new("acme".parse().unwrap(), true);
    let hold = "PR-11900000007".parse().unwrap();
    let begin = postgres.log().len();
    for scope in [Scope::AllBrands, Scope::Brand(&tenant)] {
        for _ in 0..READS {
            assert_eq!(store.attempts_of_number(scope, msisdn, 200).await.unwrap().len(), 1);
            assert_eq!(store.calls_of_number(scope, msisdn, 200).await.unwrap().len(), 3);
            assert_eq!(store.events_of_number(scope, msisdn, 200).await.unwrap().len(), 2);
            assert_eq!(store.code_reads_of_number(scope, msisdn, 200).await.unwrap().len(), 1);
            assert_eq!(store.calls_of_sim(sim, 200).await.unwrap().len(), 1);
            assert_eq!(store.events_of_sim(sim, 200).await.unwrap().len(), 1);
            assert_eq!(store.calls_of_hold(&hold, 200).await.unwrap().len(), 2);
            assert_eq!(store.calls_of_request(scope, request, 200).await.unwrap().len(), 2);
        }
    }
    assert_eq!(store.purge_calls(Duration::from_hours(24 * 30), 500).await.unwrap(), 1);

    let plans = postgres.log()[begin..].to_owned();
    for index in [
        "reservation_msisdn",
        "upstream_call_hold",
        "upstream_call_sim",
        "upstream_call_request",
        "upstream_call_unclaimed",
        "event_reservation",
        "event_sim",
        "sim_order_msisdn",
        "association_history_msisdn",
        "activation_read_sim",
    ] {
        assert!(
            plans.contains(&format!("using {index} on")) || plans.contains(&format!("on {index} ")),
            "{index}: {plans}"
        );
    }
    for table in TABLES {
        assert!(!plans.contains(&format!("Seq Scan on {table} ")), "{table}: {plans}");
    }
}

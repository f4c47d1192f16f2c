//! The cost of a sweep depends on what is due, and that of an order on its number, and not on what is stored. The tests read the
//! plans of the statements among very many rows.

use std::time::Duration;

use oss_core::store::{
    BeginOrder, Due, EventCursor, EventStore, NewOrder, OrderPurpose, OrderStore, PostgresStore,
    PreviewStore, Scope, SweepStore, Tenant, WantedSim, WebhookStore,
};
use oss_core::{AttemptState, IdempotencyKey, SimId, Technology};
use oss_tests::backend::Database;
use oss_tests::postgres::Postgres;
use oss_tests::sims::{ADDRESS, line};

/// The number of held numbers. Half as many reservations have ended.
const NUMBERS: u32 = 300_000;

/// Fills the tables with numbers, the previews that gave them, and the history.
const STORED: &str = "
    insert into preview (id, external_id, reserved_msisdn, brand_id, created_at, expires_at)
    select gen_random_uuid(), 'PR-' || n, '119' || lpad(n::text, 8, '0'), 'acme', now(), now() + interval '15 minutes'
    from generate_series(1, {numbers}) n;
    insert into preview_number (preview_id, index, msisdn)
    select id, 1, reserved_msisdn from preview where reserved_msisdn <= '11900100000';
    insert into phone_number (msisdn, origin, status)
    select '119' || lpad(n::text, 8, '0'), 'VIVO', 'RESERVED' from generate_series(1, {numbers}) n;
    alter table reservation disable trigger user;
    insert into reservation (id, preview_id, external_id, brand_id, msisdn, state, due_at, hold_expires_at)
    select gen_random_uuid(), p.id, p.external_id, 'acme', p.reserved_msisdn, 'HELD', now() + interval '1 day', now() + interval '1 day'
    from preview p;
    insert into reservation (id, external_id, brand_id, msisdn, state, attempts)
    select gen_random_uuid(), 'OLD-' || n, 'acme', '219' || lpad(n::text, 8, '0'), 'RELEASED', 1
    from generate_series(1, {numbers} / 2) n;
    alter table reservation enable trigger user;
    insert into event (transaction_id, recorded_at, kind, brand_id, reservation_id, msisdn, state_after)
    select 3, now() - interval '60 days' + n * interval '1 second', 'number.reserved', 'acme', gen_random_uuid(),
           '119' || lpad(n::text, 8, '0'), 'HELD'
    from generate_series(1, {numbers}) n;
    analyze;";

/// Makes a few of them due.
const DUE: &str = "
    update reservation set due_at = now() - interval '1 minute' where external_id in ('PR-10', 'PR-50000', 'PR-99999');
    update reservation set due_at = now() + interval '30 minutes', created_at = now() - interval '1 day'
    where external_id in ('PR-40', 'PR-41');
    update reservation set state = 'IN_DOUBT', due_at = now() - interval '1 minute', hold_expires_at = null
    where external_id in ('PR-20', 'PR-60000');
    update preview set expires_at = now() - interval '60 days' where external_id in ('PR-30', 'PR-31');
    update reservation set state = 'RELEASED', due_at = null where external_id in ('PR-30', 'PR-31');
    update phone_number set status = 'RETURNED' where msisdn in ('11900000030', '11900000031');";

/// The option of a connection that makes PostgreSQL log the plan of every statement.
const EXPLAINED: &str = "options=-c%20session_preload_libraries%3Dauto_explain%20-c%20auto_explain.log_min_duration%3D0%20-c%20auto_explain.log_analyze%3Don";

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_reads_only_due_rows() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    for statement in [STORED, DUE].concat().split_terminator(';') {
        database.execute(&statement.replace("{numbers}", &NUMBERS.to_string())).await;
    }
    let url = format!("{}?{EXPLAINED}", database.url());
    let store = PostgresStore::new(&url.into(), 1).unwrap();
    let census = store.census(100_000).await.unwrap();
    assert_eq!((census.of(AttemptState::Held), census.due), (100_000 - 2, 5), "bounded, those due first");
    let overdue = store.settle_overdue(500).await.unwrap();
    assert_eq!(overdue.expired, 3);
    let due = store.claim_due(32, Duration::from_secs(35)).await.unwrap().due;
    assert_eq!(due.iter().filter(|due| matches!(due, Due::Doubtful { .. })).count(), 2);
    assert_eq!(due.len(), 5, "the doubts and the releases");
    assert_eq!(store.purge_previews(Duration::from_hours(24 * 30), 500).await.unwrap(), 2);

    assert_eq!(store.announce_expiring(Duration::from_hours(1), 500).await.unwrap(), 2);
    assert_eq!(store.purge_events(Duration::from_hours(24 * 30), 500).await.unwrap(), 500);
    let last = store.last_event().await.unwrap();
    let tenant = Tenant::new("other".parse().unwrap(), false);
    assert_eq!(store.events(Scope::Brand(&tenant), EventCursor::default(), 10).await.unwrap().events, []);
    assert_eq!(store.events(Scope::AllBrands, last, 10).await.unwrap().events, []);
    store.take_webhook(&"hook".parse().unwrap(), uuid::Uuid::now_v7(), Duration::from_secs(9)).await.unwrap();
    assert_eq!(store.webhooks().await.unwrap().len(), 1);

    let plans = postgres.log();
    for (statement, index) in [
        ("with held as materialized", "Index Scan using reservation_due on reservation"),
        ("with due as materialized", "Index Scan using reservation_due on reservation"),
        ("select state, count(*) as stored", "Index Scan using reservation_due on reservation"),
        ("with old as materialized", "Index Scan using preview_expires_at on preview"),
        ("with expiring as materialized", "Index Scan using reservation_expiring on reservation"),
        ("with first as materialized", "Index Scan using event_pkey on event"),
        ("with scanned as materialized", "Index Scan using event_pkey on event"),
        ("with latest as", "event_pkey on event"),
        ("select w.name", "event_pkey on event"),
    ] {
        let plan = plan_of(&plans, statement);
        assert!(plan.contains(index), "{plan}");
        for table in ["reservation", "preview", "phone_number", "preview_number", "event"] {
            assert!(!plan.contains(&format!("Seq Scan on {table} ")), "{plan}");
        }
        show(&plan);
    }
}

/// Fills the tables with numbers, of which every second one has a SIM.
const ORDERED: &str = "
    alter table reservation disable trigger user;
    alter table sim_order disable trigger user;
    alter table sim disable trigger user;
    insert into phone_number (msisdn, origin, status)
    select '119' || lpad(n::text, 8, '0'), 'VIVO', 'RESERVED' from generate_series(1, {numbers}) n;
    insert into reservation (id, external_id, brand_id, msisdn, state, due_at, hold_expires_at)
    select gen_random_uuid(), 'PR-' || msisdn, 'acme', msisdn, 'HELD', now() + interval '1 day', now() + interval '1 day'
    from phone_number;
    insert into sim_order (id, msisdn, line_id, carrier_tag, sim_type, technology, iccid, state, client, idempotency_key)
    select gen_random_uuid(), '119' || lpad(n::text, 8, '0'), gen_random_uuid(), 'acme', 'SIM_CARD', '4G', '8955' || n, 'HELD', 'web', n::text
    from generate_series(2, {numbers}, 2) n;
    insert into sim (id, iccid, carrier_tag, line_id, vivo_imsi, sim_type, technology, status)
    select id, iccid, carrier_tag, line_id, '724' || id, sim_type, technology, 'ACTIVE' from sim_order;
    update reservation r set state = 'ASSIGNED', due_at = null from sim_order o where o.msisdn = r.msisdn;
    update phone_number p set status = 'IN_USE', assigned_sim_id = o.id from sim_order o where o.msisdn = p.msisdn;
    alter table reservation enable trigger user;
    alter table sim_order enable trigger user;
    alter table sim enable trigger user;
    analyze;";

#[tokio::test(flavor = "multi_thread")]
async fn an_order_reads_only_the_rows_of_its_number() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    for statement in ORDERED.split_terminator(';') {
        database.execute(&statement.replace("{numbers}", "200000")).await;
    }
    let url = format!("{}?{EXPLAINED}", database.url());
    let store = PostgresStore::new(&url.into(), 1).unwrap();
    let key = IdempotencyKey::new("web".parse().unwrap(), "first").unwrap();
    let wanted =
        WantedSim::Card { iccid: "89551093012345678914".parse().unwrap(), address: ADDRESS.parse().unwrap() };
    let wish = NewOrder {
        id: SimId::new(),
        msisdn: "11900100001".parse().unwrap(),
        purpose: OrderPurpose::FirstSim(line().parse().unwrap()),
        wanted,
        technology: Technology::FourG,
        brand: "acme".parse().unwrap(),
        key: Some(key),
        lease: Duration::from_secs(35),
    };
    let begun = store.begin_order(Scope::AllBrands, &wish).await.unwrap();
    let BeginOrder::Started(lease) = begun else { panic!("{begun:?}") };
    assert!(store.doubt_order(&lease, "no answer", Duration::ZERO).await.unwrap());
    assert_eq!(store.claim_due_orders(32, Duration::from_secs(35)).await.unwrap().due.len(), 1);

    let plans = postgres.log();
    for statement in ["select p.status, p.assigned_sim_id", "with due as materialized"] {
        let plan = plan_of(&plans, statement);
        for table in ["reservation", "phone_number", "sim_order", "sim"] {
            assert!(!plan.contains(&format!("Seq Scan on {table} ")), "{plan}");
        }
        show(&plan);
    }
}

/// The plan of the statement that begins with this text, up to the next line of the log.
fn plan_of(log: &str, statement: &str) -> String {
    let at = log.find(statement).unwrap_or_else(|| panic!("no plan of {statement}: {log}"));
    let plan = &log[at..];
    plan.split("\n20").next().unwrap_or(plan).to_owned()
}

#[expect(clippy::print_stdout, reason = "shown with --nocapture only")]
fn show(plan: &str) {
    println!("{plan}\n");
}

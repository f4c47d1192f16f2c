//! The cost of a page of a list depends on the page, and not on what is stored. The test reads the plans of each filter among very many
//! numbers of three brands.

use oss_core::store::{ListStore, NumberKey, PostgresStore, Scope, SearchStore, Tenant, UnsettledStore};
use oss_core::{AttemptState, ListOptions, NumberStatus, PreviewId, ReservationId, SimId};
use oss_tests::backend::Database;
use oss_tests::postgres::Postgres;

/// The count of numbers. Most of them are on a line, every hundredth is held, and every tenth was given back. Every third one belonged to
/// another brand before.
const NUMBERS: u32 = 300_000;

const STORED: &str = "
    insert into phone_number (msisdn, origin, status, unrecorded)
    select (array[11, 21, 42, 85, 99])[1 + n / 1000 % 5] || '9' || lpad(n::text, 8, '0'), 'VIVO',
           case when n % 100 = 0 then 'RESERVED' when n % 10 = 1 then 'RETURNED' else 'IN_USE' end, n % 1000 = 1
    from generate_series(1, {numbers}) n;
    alter table reservation disable trigger user;
    insert into reservation (id, external_id, brand_id, msisdn, state, due_at, hold_expires_at, created_at)
    select gen_random_uuid(), 'PR-' || n, case n % 7 when 0 then 'other' when 1 then 'third' else 'acme' end,
           (array[11, 21, 42, 85, 99])[1 + n / 1000 % 5] || '9' || lpad(n::text, 8, '0'),
           case when n % 100 = 0 then 'HELD' when n % 10 = 1 then 'RELEASED' else 'ASSIGNED' end,
           case when n % 100 = 0 then now() + n * interval '1 second' end,
           case when n % 100 = 0 then now() + n * interval '1 second' end, now() - n * interval '1 second'
    from generate_series(1, {numbers}) n where n % 1000 <> 1;
    update reservation set state = 'IN_DOUBT', due_at = now()
    where state = 'ASSIGNED' and msisdn in (select msisdn from phone_number where msisdn like '1190000%' limit 500);
    insert into reservation (id, external_id, brand_id, msisdn, state, created_at)
    select gen_random_uuid(), 'OLD-' || n, 'former',
           (array[11, 21, 42, 85, 99])[1 + n / 1000 % 5] || '9' || lpad(n::text, 8, '0'), 'RELEASED', now() - interval '1 year'
    from generate_series(1, {numbers}, 3) n;
    alter table reservation enable trigger user;
    analyze";

/// The option of a connection that makes PostgreSQL log the plan of every statement.
const EXPLAINED: &str = "options=-c%20session_preload_libraries%3Dauto_explain%20-c%20auto_explain.log_min_duration%3D0%20-c%20auto_explain.log_analyze%3Don";

/// The times that each list is read, so that PostgreSQL may use the plan that it keeps for every value.
const READS: usize = 7;

fn options(set: impl FnOnce(&mut ListOptions)) -> ListOptions {
    let mut options = ListOptions::default();
    options.limit = Some("10".parse().unwrap());
    set(&mut options);
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_reads_only_its_rows() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    for statement in STORED.split_terminator(';') {
        database.execute(&statement.replace("{numbers}", &NUMBERS.to_string())).await;
    }
    let url = format!("{}?{EXPLAINED}", database.url());
    let store = PostgresStore::new(&url.into(), 1).unwrap();
    let time = || Some("2100-01-01T00:00:00Z".parse().unwrap());
    let ddd = Some("42".parse().unwrap());
    let (main, small) =
        (Tenant::new("acme".parse().unwrap(), true), Tenant::new("other".parse().unwrap(), false));
    let of_numbers = "phone_number_pkey";
    for (options, of_all, of_brand) in [
        (options(|_| {}), of_numbers, "reservation_brand_state"),
        (options(|list| list.ddd = ddd), of_numbers, "reservation_brand_state"),
        (
            options(|list| list.status = Some(NumberStatus::Reserved)),
            "phone_number_status",
            "reservation_brand_state",
        ),
        (
            options(|list| list.status = Some(NumberStatus::InUse)),
            "phone_number_status",
            "reservation_brand_state",
        ),
        (
            options(|list| {
                list.status = Some(NumberStatus::Returned);
                list.ddd = ddd;
            }),
            "phone_number_status",
            "reservation_brand_state",
        ),
        (
            options(|list| list.state = Some(AttemptState::Assigned)),
            "reservation_brand_state",
            "reservation_brand_state",
        ),
        (
            options(|list| {
                list.state = Some(AttemptState::Held);
                list.ddd = ddd;
            }),
            "reservation_brand_state",
            "reservation_brand_state",
        ),
        (
            options(|list| {
                list.state = Some(AttemptState::Held);
                list.created_before = time();
            }),
            "reservation_age",
            "reservation_age",
        ),
        (options(|list| list.expires_before = time()), "reservation_expiry", "reservation_expiry"),
        (
            options(|list| list.sim = Some(SimId::new())),
            "phone_number_assigned_sim",
            "phone_number_assigned_sim",
        ),
    ] {
        let is_of_sim = options.sim.is_some();
        for (scope, index) in
            [(Scope::AllBrands, of_all), (Scope::Brand(&main), of_brand), (Scope::Brand(&small), of_brand)]
        {
            let begin = postgres.log().len();
            let mut list = options.list().unwrap();
            for _ in 0..READS {
                let page = store.list_numbers(scope, &list).await.unwrap();
                assert_eq!(page.numbers.len(), if is_of_sim { 0 } else { 10 }, "{list:?}");
                list.after = page.next;
            }
            let plans = postgres.log()[begin..].to_owned();
            let context = format!("{options:?} {scope:?}: {plans}");
            assert!(plans.contains(&format!("using {index} on")), "{context}");
            for table in ["reservation", "phone_number"] {
                assert!(!plans.contains(&format!("Seq Scan on {table} ")), "{context}");
            }
            assert!(most_removed(&plans) < 1000, "{context}");
        }
    }
    // Most of its numbers went to another brand, so a page reads many rows, but not all.
    let former = Tenant::new("former".parse().unwrap(), false);
    for options in [options(|_| {}), options(|list| list.status = Some(NumberStatus::Returned))] {
        let begin = postgres.log().len();
        let mut list = options.list().unwrap();
        for _ in 0..READS {
            let page = store.list_numbers(Scope::Brand(&former), &list).await.unwrap();
            assert!(page.numbers.len() <= 10 && page.next.is_some(), "{list:?}");
            list.after = page.next;
        }
        let plans = postgres.log()[begin..].to_owned();
        let context = format!("{options:?}: {plans}");
        assert!(
            plans.contains("using reservation_brand_state on") && !plans.contains("Seq Scan on"),
            "{context}"
        );
        assert!((1..=1000).contains(&most_removed(&plans)), "{context}");
    }
    searches_read_only_their_rows(&store, &postgres).await;
}

/// Searches, and the attempts in doubt, of all brands and of one.
async fn searches_read_only_their_rows(store: &PostgresStore, postgres: &Postgres) {
    let tenant = Tenant::new("acme".parse().unwrap(), true);
    let keys = [
        NumberKey::Number("21900001000".parse().unwrap()),
        NumberKey::Number("11900000000".parse().unwrap()),
        NumberKey::Reservation(ReservationId::new()),
        NumberKey::Preview(PreviewId::new()),
        NumberKey::Order(SimId::new()),
    ];
    for scope in [Scope::AllBrands, Scope::Brand(&tenant)] {
        let begin = postgres.log().len();
        for _ in 0..READS {
            for key in keys {
                let is_there = store.find_number(scope, key).await.unwrap().is_some();
                assert_eq!(is_there, key == keys[0], "{key:?} {scope:?}");
            }
            assert!(store.find_preview(scope, PreviewId::new()).await.unwrap().is_none());
            let page = store.unsettled_attempts(scope, None, 20).await.unwrap();
            assert_eq!((page.attempts.len(), page.next.is_some()), (20, true));
        }
        let plans = postgres.log()[begin..].to_owned();
        let indexes = [
            "phone_number_pkey",
            "reservation_msisdn",
            "reservation_pkey",
            "reservation_preview",
            "reservation_age",
        ];
        for index in indexes {
            assert!(plans.contains(&format!("using {index} on")), "{index}: {plans}");
        }
        assert!(
            !plans.contains("Seq Scan on reservation ") && !plans.contains("Seq Scan on phone_number "),
            "{plans}"
        );
        assert!(most_removed(&plans) < 1000, "{plans}");
    }
}

/// The most rows that a step of a plan read in vain.
fn most_removed(plans: &str) -> u32 {
    let counts = plans.split("Rows Removed by ").skip(1).filter_map(|rest| {
        let (_, count) = rest.split_once("Filter: ")?;
        count.split(|char: char| !char.is_ascii_digit()).next()?.parse().ok()
    });
    counts.max().unwrap_or_default()
}

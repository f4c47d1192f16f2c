//! `oss audit` reads both sides in pages, and the next page while one is compared.

use std::time::Duration;

use chrono::DateTime;
use oss_core::sigan::Hold;
use oss_core::sigan::mock::{CallKind, Fault, Inventory, Request};
use oss_core::sigan::wire::{PreReserveBody, PreReserved};
use oss_core::{AuditOptions, Found, Oss};
use oss_tests::backend::Database;
use oss_tests::settle::{assert_records_agree, settings};
use oss_tests::sigan::{Sigan, wait_until_called};
use serde_json::{Value, json};

use crate::audit::{audit_with, lose};

/// The numbers that are held: two pages, and a third that is not full.
const HELD: usize = 2250;

/// The size of a page.
const PAGE: usize = 1000;

/// Numbers that both sides hold.
struct Setup {
    database: Database,
    sigan: Sigan,
    numbers: Vec<String>,
}

impl Setup {
    async fn start() -> Self {
        let (inventory, holds) = inventory_with_holds();
        let setup = Self {
            database: Database::postgres().await,
            sigan: Sigan::start(inventory).await,
            numbers: holds.iter().map(|hold| hold.msisdn.to_string()).collect(),
        };
        let numbers = setup.numbers.iter().map(|msisdn| format!("('{msisdn}', 'VIVO', 'RESERVED')"));
        setup.insert("phone_number (msisdn, origin, status)", numbers).await;
        let later = "now() + interval '1 day'";
        let rows = holds.iter().map(|Hold { external_id, msisdn }| {
            format!("(gen_random_uuid(), '{external_id}', 'acme', '{msisdn}', 'HELD', {later}, {later})")
        });
        let columns = "reservation (id, external_id, brand_id, msisdn, state, due_at, hold_expires_at)";
        setup.insert(columns, rows).await;
        setup
    }

    async fn insert(&self, columns: &str, rows: impl Iterator<Item = String>) {
        let rows: Vec<String> = rows.collect();
        self.database.execute(&format!("insert into {columns} values {}", rows.join(", "))).await;
    }

    /// Removes our records of a number, so that only Sigan holds it.
    async fn forget(&self, msisdn: &str) {
        for table in ["reservation", "phone_number"] {
            self.database.execute(&format!("delete from {table} where msisdn = '{msisdn}'")).await;
        }
    }

    async fn lose(&self, msisdn: &str) {
        lose(&self.sigan, msisdn).await;
    }

    /// The settings. A page takes long on a busy machine, and a call that is given up would be counted again.
    fn settings<'a>(&'a self, sigan: &'a str) -> [(&'a str, &'a str); 4] {
        let mut settings = settings(&self.database, sigan);
        for (_, value) in settings.iter_mut().filter(|(name, _)| *name == "OSS_SIGAN_TIMEOUT") {
            *value = "1m";
        }
        settings
    }

    async fn audit(&self, more: &[&str]) -> (i32, Value) {
        audit_with(&self.settings(&self.sigan.url()), more).await
    }
}

fn inventory_with_holds() -> (Inventory, Vec<Hold>) {
    let (mut inventory, now) = (Inventory::new("PR"), DateTime::UNIX_EPOCH);
    let mut holds = Vec::new();
    while holds.len() < HELD {
        let wish = Request::PreReserve(PreReserveBody {
            area_code: "11".parse().unwrap(),
            quantity: 250,
            brand_id: "acme".parse().unwrap(),
            hold_seconds: 60,
            previous_external_id: None,
        });
        let offer: PreReserved = serde_json::from_slice(&inventory.handle(now, &wish).body).expect("JSON");
        for msisdn in offer.msisdns {
            let hold = Hold { external_id: offer.external_id.clone(), msisdn };
            assert_eq!(inventory.handle(now, &Request::Reserve(hold.clone())).status, 200);
            holds.push(hold);
        }
    }
    (inventory, holds)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_audited() {
    let setup = Setup::start().await;
    let (code, report) = setup.audit(&[]).await;
    assert_eq!((code, &report["listed"], &report["held"]), (0, &json!(HELD), &json!(HELD)), "{report}");
    assert_eq!(setup.sigan.calls(CallKind::Holds), 3, "Sigan is asked for each page once");
    // The last numbers of a page, the first ones of the next page, and the last ones of the last page.
    for at in [PAGE - 1, PAGE + 1, HELD - 2] {
        setup.forget(&setup.numbers[at]).await;
    }
    for at in [PAGE - 2, PAGE, HELD - 1] {
        setup.lose(&setup.numbers[at]).await;
    }
    let (code, report) = setup.audit(&["--fix"]).await;
    let counts = (&report["unknownHere"], &report["unknownThere"], &report["fixed"]);
    assert_eq!((code, counts), (4, (&json!(3), &json!(3), &json!(6))), "{report}");
    assert_records_agree(&setup.database, &setup.sigan.url(), &setup.sigan.inventory()).await;
}

/// The next page is read meanwhile, and no more than that one: what was read long ago says little.
#[tokio::test(flavor = "multi_thread")]
async fn one_page_is_read_ahead_of_the_comparison() {
    let setup = Setup::start().await;
    let url = setup.sigan.url();
    let config = oss_core::config::Sources::of_environment(setup.settings(&url));
    let oss = Oss::connect(&oss_core::config::Config::load(&config).unwrap()).await.unwrap();
    let runtime = tokio::runtime::Handle::current();
    let mut is_first = true;
    let compare_slowly = |found| {
        if let Found::Progress(report) = found
            && std::mem::take(&mut is_first)
        {
            assert_eq!(report.listed, 1000);
            tokio::task::block_in_place(|| {
                runtime.block_on(async {
                    wait_until_called(&setup.sigan, CallKind::Holds, 2).await;
                    tokio::time::sleep(Duration::from_millis(300)).await;
                });
            });
            assert_eq!(setup.sigan.calls(CallKind::Holds), 2);
        }
    };
    let report = oss.audit(AuditOptions::default().min_age(Duration::ZERO), compare_slowly).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert!(!is_first);
    oss.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_be_read_loses_no_report_of_the_pages_before() {
    let setup = Setup::start().await;
    let (first, last) = (&setup.numbers[0], &setup.numbers[2 * PAGE - 1]);
    setup.forget(first).await;
    setup.forget(last).await;
    for _ in 0..2 {
        setup.sigan.next(CallKind::Holds, Fault::Slow(Duration::ZERO));
    }
    // It is asked for four times.
    for _ in 0..4 {
        setup.sigan.next(CallKind::Holds, Fault::FailBefore);
    }
    let (code, report) = setup.audit(&["--fix"]).await;
    assert_eq!((code, &report["listed"], &report["fixed"]), (5, &json!(2 * PAGE), &json!(2)), "{report}");
    let differences = report["differences"].as_array().unwrap();
    let numbers: Vec<&Value> = differences.iter().map(|difference| &difference["msisdn"]).collect();
    assert_eq!(numbers, [first, last], "{report}");
}

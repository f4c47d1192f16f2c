//! `oss adopt`: a number that is on a line although the database does not say so.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use oss_core::config::DatabaseConfig;
use oss_core::sigan::mock::Inventory;
use oss_core::sigan::{Hold, Holder, HoldsPage, ListedHold, PreReservation, PreReserve, SiganError};
use oss_core::{AdoptError, BrandId, Msisdn, Oss};
use oss_tests::backend::Database;
use oss_tests::cli::{Ended, run_beside};
use oss_tests::settle::settings;
use oss_tests::sigan::Sigan;
use serde_json::{Value, json};
use uuid::Uuid;

oss_tests::on_both!(
    a_hold_that_sigan_lists_is_recorded,
    a_hold_that_sigan_does_not_list_has_to_be_named,
    another_sim_is_refused,
    a_line_without_a_hold_gets_its_brand,
    an_outage_of_sigan_changes_nothing,
);

/// Two databases that share one Sigan. The second database does not know the reservations of the first.
struct Setup {
    sigan: Sigan,
    elsewhere: Database,
    database: Database,
}

impl Setup {
    async fn on(database: Database) -> Self {
        let sigan = Sigan::start(Inventory::new("PR")).await;
        Self { sigan, elsewhere: Database::sqlite().await, database }
    }

    async fn run(&self, database: &Database, brand: &str, arguments: &[&str]) -> Ended {
        let sigan = self.sigan.url();
        let settings = [&settings(database, &sigan)[..], &[("OSS_SIGAN_BRAND_ID", brand)]].concat();
        run_beside(&settings, &[&["--output", "json"], arguments].concat()).await
    }

    /// A number that Sigan holds for a brand, and the id of that hold.
    async fn lost(&self, brand: &str) -> (String, String) {
        let ended = self.run(&self.elsewhere, brand, &["reserve", "--ddd", "11"]).await;
        let msisdn = ended.json()["msisdn"].as_str().expect("a number").to_owned();
        let holds = self.sigan.inventory().reserved();
        let hold = holds.into_iter().find(|hold| hold.msisdn.as_str() == msisdn).expect("Sigan holds it");
        (msisdn, hold.external_id.to_string())
    }

    async fn adopt(&self, msisdn: &str, sim: &str, brand: &str, more: &[&str]) -> Ended {
        let arguments = ["adopt", msisdn, "--sim", sim, "--brand", brand];
        self.run(&self.database, "acme", &[&arguments, more].concat()).await
    }

    async fn sim(&self) -> String {
        self.database.add_sim().await.to_string()
    }

    async fn is_clean(&self) {
        let ended = self.run(&self.database, "acme", &["audit", "--min-age", "0s"]).await;
        assert_eq!(ended.code, 0, "{ended:?}");
    }
}

/// The exit code, and the code of the error.
fn refusal(ended: &Ended) -> (i32, Value) {
    let body: Value = serde_json::from_str(&ended.stderr).unwrap_or_else(|_| panic!("{ended:?}"));
    (ended.code, body["error"]["code"].clone())
}

async fn a_hold_that_sigan_lists_is_recorded(database: Database) {
    let setup = Setup::on(database).await;
    // Sigan's list has other holds before and after it.
    let (before, _) = setup.lost("other").await;
    let (msisdn, external_id) = setup.lost("other").await;
    let (after, _) = setup.lost("other").await;
    let sim = setup.sim().await;
    for _ in 0..2 {
        let ended = setup.adopt(&msisdn, &sim, "other", &[]).await;
        let expected =
            json!({ "msisdn": msisdn, "simId": sim, "brandId": "other", "externalId": external_id });
        assert_eq!((ended.code, ended.json()), (0, expected), "{ended:?}");
    }
    let shown = setup.run(&setup.database, "acme", &["show", &msisdn]).await.json();
    assert_eq!((&shown["status"], &shown["assignedSimId"]), (&json!("IN_USE"), &json!(sim)));
    assert_eq!(
        (&shown["history"][0]["state"], shown["history"].as_array().map(Vec::len)),
        (&json!("ASSIGNED"), Some(1))
    );
    assert_eq!(setup.database.texts("select brand_id from reservation").await, ["other"]);

    let (sigan, other) = (setup.sigan.url(), setup.sim().await);
    let arguments = ["adopt", &before, "--sim", &other, "--brand", "other"];
    let table = run_beside(&settings(&setup.database, &sigan), &arguments).await;
    assert_eq!(table.code, 0, "{table:?}");
    assert!(table.stdout.contains("for brand other under PR-"), "{table:?}");
    assert_eq!(setup.adopt(&after, &setup.sim().await, "other", &[]).await.code, 0);
    setup.is_clean().await;
}

async fn a_hold_that_sigan_does_not_list_has_to_be_named(database: Database) {
    let setup = Setup::on(database).await;
    let (msisdn, external_id) = setup.lost("other").await;
    let refused = setup.adopt(&msisdn, &setup.sim().await, "acme", &[]).await;
    assert_eq!(refusal(&refused), (3, json!("not-listed")));
    assert!(!refused.stderr.contains(&msisdn), "{refused:?}");
    assert!(refused.stderr.contains("brand acme"), "{refused:?}");
    let unknown = setup.adopt("21999990000", &setup.sim().await, "unknown", &["--external-id", "PR-9"]).await;
    assert_eq!(refusal(&unknown), (4, json!("reserved-brand")));
    assert_eq!(setup.database.count("select count(*) from phone_number").await, 0, "nothing is written");

    let named = setup.adopt(&msisdn, &setup.sim().await, "other", &["--external-id", &external_id]).await;
    assert_eq!(named.code, 0, "{named:?}");
    setup.is_clean().await;
}

async fn another_sim_is_refused(database: Database) {
    let setup = Setup::on(database).await;
    let (msisdn, _) = setup.lost("acme").await;
    assert_eq!(setup.adopt(&msisdn, &setup.sim().await, "acme", &[]).await.code, 0);
    let refused = setup.adopt(&msisdn, &setup.sim().await, "acme", &[]).await;
    assert_eq!(refusal(&refused), (4, json!("assigned-elsewhere")));
    let refused = setup.adopt(&msisdn, &setup.sim().await, "other", &["--external-id", "PR-9"]).await;
    assert_eq!(refusal(&refused), (4, json!("assigned-elsewhere")));
}

async fn a_line_without_a_hold_gets_its_brand(database: Database) {
    let setup = Setup::on(database).await;
    let (msisdn, _) = setup.lost("other").await;
    let sim = setup.database.add_sim().await;
    let (literal, now) = (setup.database.uuid_literal(sim.as_uuid()), setup.database.now());
    let insert = format!(
        "insert into phone_number (msisdn, origin, status, assigned_sim_id, assigned_at, created_at, updated_at)
         values ('{msisdn}', 'VIVO', 'IN_USE', {literal}, {now}, {now}, {now})"
    );
    setup.database.execute(&insert).await;
    let ended = setup.adopt(&msisdn, &sim.to_string(), "other", &[]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(setup.database.texts("select brand_id from reservation").await, ["other"]);
    setup.is_clean().await;
}

async fn an_outage_of_sigan_changes_nothing(database: Database) {
    let mut setup = Setup::on(database).await;
    let (msisdn, external_id) = setup.lost("acme").await;
    setup.sigan.go_down().await;
    let refused = setup.adopt(&msisdn, &setup.sim().await, "acme", &[]).await;
    assert_eq!(refusal(&refused), (5, json!("sigan-unreachable")));
    assert_eq!(setup.database.count("select count(*) from phone_number").await, 0);
    let named = setup.adopt(&msisdn, &setup.sim().await, "acme", &["--external-id", &external_id]).await;
    assert_eq!(named.code, 0, "Sigan is not needed: {named:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sim_or_status_of_another_program_is_not_changed() {
    let setup = Setup::on(Database::postgres().await).await;
    let (msisdn, _) = setup.lost("acme").await;
    let drop_check = "alter table phone_number drop constraint phone_number_status_check";
    setup.database.execute(drop_check).await;
    let refused = setup.adopt(&msisdn, &Uuid::now_v7().to_string(), "acme", &[]).await;
    assert_eq!(refusal(&refused), (3, json!("unknown-sim")));
    assert_eq!(setup.database.count("select count(*) from reservation").await, 0, "nothing is written");

    let known = setup.sim().await;
    let removed =
        format!("insert into phone_number (msisdn, origin, status) values ('{msisdn}', 'VIVO', 'REMOVED')");
    setup.database.execute(&removed).await;
    let refused = setup.adopt(&msisdn, &known, "acme", &[]).await;
    assert_eq!(refusal(&refused), (4, json!("number-state")));
    assert_eq!(setup.database.texts("select status from phone_number").await, ["REMOVED"]);
    setup.database.execute("delete from phone_number").await;
    assert_eq!(setup.adopt(&msisdn, &known, "acme", &[]).await.code, 0);
}

/// A Sigan that can only list its holds.
#[derive(Debug)]
struct List(Vec<ListedHold>);

#[async_trait]
impl oss_core::sigan::Sigan for List {
    async fn pre_reserve(&self, _: &PreReserve) -> Result<PreReservation, SiganError> {
        Err(SiganError::NotSent)
    }

    async fn reserve(&self, _: &Hold) -> Result<(), SiganError> {
        Err(SiganError::NotSent)
    }

    async fn release(&self, _: &Hold) -> Result<(), SiganError> {
        Err(SiganError::NotSent)
    }

    async fn holder(&self, _: &Hold) -> Result<Holder, SiganError> {
        Err(SiganError::NotSent)
    }

    async fn holds(&self, _: &BrandId, after: Option<Msisdn>, limit: usize) -> Result<HoldsPage, SiganError> {
        let rest: Vec<_> =
            self.0.iter().filter(|listed| after.is_none_or(|after| listed.hold.msisdn > after)).collect();
        let holds: Vec<_> = rest.iter().take(limit).copied().cloned().collect();
        let next = holds.last().map(|last| last.hold.msisdn).filter(|_| rest.len() > limit);
        Ok(HoldsPage::new(holds, next))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_number_of_an_area_code_is_found_in_the_list() {
    let database = Database::sqlite().await;
    let before = (0..450).map(|at| format!("119{at:08}"));
    let numbers = before.chain(["21900000000".to_owned(), "21900000009".to_owned()]);
    let long_ago = DateTime::<Utc>::from_timestamp(1_700_000_000, 0).expect("a time");
    let listed = numbers.enumerate().map(|(at, number)| {
        let external_id = format!("PR-{at}").parse().expect("an id");
        ListedHold::new(Hold { external_id, msisdn: number.parse().expect("a number") }, long_ago)
    });
    let list = Arc::new(List(listed.collect()));
    let builder = Oss::builder("acme".parse().expect("a brand")).sigan(list);
    let oss = builder.connect(&DatabaseConfig::new(database.url())).await.expect("the database answers");
    let adopt = async |number: &str| {
        let brand = "acme".parse().expect("a brand");
        oss.adopt(number.parse().expect("a number"), database.add_sim().await, brand).await
    };
    let adopted = adopt("21900000000").await.expect("it is listed");
    assert_eq!(adopted.external_id.as_str(), "PR-450");
    for missing in ["22900000000", "21900000001"] {
        let refused = adopt(missing).await.expect_err("it is not listed");
        assert!(matches!(refused, AdoptError::NotListed { .. }), "{refused:?}");
    }
    oss.shutdown().await;
}

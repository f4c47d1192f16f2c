//! `oss audit`: every kind of difference between our holds and Sigan's is made for real, reported, and fixed if that is safe.

use std::time::{Duration, Instant};

use futures::future::join_all;
use oss_core::access::Scope;
use oss_core::sigan::mock::{Behaviour, CallKind, Inventory};
use oss_tests::backend::Database;
use oss_tests::cli::{Ended, run_beside};
use oss_tests::clients::ClientsFile;
use oss_tests::http::{Http, plain_client};
use oss_tests::server::Server;
use oss_tests::settle::{assert_records_agree, settings};
use oss_tests::sigan::{Sigan, wait_until_called};
use reqwest::StatusCode;
use serde_json::{Value, json};

oss_tests::on_both!(
    nothing_differs_after_ordinary_work,
    a_hold_that_nobody_here_knows_is_released,
    a_hold_that_is_released_is_not_given_again,
    an_unreadable_row_is_reported_and_left_alone,
    a_number_that_sigan_does_not_hold_is_given_back,
    a_hold_that_is_over_here_is_released,
    young_numbers_are_left_alone,
    a_number_on_a_line_is_left_to_a_person,
    many_strays_have_to_be_forced,
    many_strays_are_released_together,
    it_says_which_brands_it_covers,
    a_reserve_under_way_is_not_touched,
    an_outage_changes_nothing,
);

/// A server, and a Sigan that other programs may call too.
struct Setup {
    database: Database,
    sigan: Sigan,
    server: Server,
}

impl Setup {
    async fn on(database: Database) -> Self {
        let sigan = Sigan::start(Inventory::new("PR")).await;
        let server = Server::start(&database, &sigan.url(), &[("OSS_SIGAN_TIMEOUT", "1500ms")]);
        Self { database, sigan, server }
    }

    fn http(&self) -> Http {
        self.server.http()
    }

    async fn reserved(&self) -> String {
        let reserved = self.http().post("/reservations", json!({ "areaCode": "11" })).await;
        assert_eq!(reserved.status, 201, "{reserved:?}");
        reserved.body["msisdn"].as_str().expect("a number").to_owned()
    }

    /// Makes Sigan hold a number for us that is not recorded here, as after a program that died before it wrote.
    async fn stray(&self) -> (String, String) {
        let client = client();
        let wish = json!({ "areaCode": "21", "quantity": 1, "brandId": "acme", "holdSeconds": 900 });
        let offer = client.post(format!("{}/pre-reservations", self.sigan.url())).json(&wish).send().await;
        let offer: Value =
            serde_json::from_slice(&offer.expect("Sigan answers").bytes().await.unwrap()).expect("JSON");
        let (id, msisdn) = (&offer["externalId"], &offer["msisdns"][0]);
        let (id, msisdn) = (id.as_str().expect("an id"), msisdn.as_str().expect("a number"));
        let reserved = client.put(hold(&self.sigan, id, msisdn)).send().await.expect("Sigan answers");
        assert_eq!(reserved.status(), StatusCode::OK);
        (id.to_owned(), msisdn.to_owned())
    }

    async fn lose(&self, msisdn: &str) {
        lose(&self.sigan, msisdn).await;
    }

    async fn oss(&self, arguments: &[&str]) -> Ended {
        run_beside(&settings(&self.database, &self.sigan.url()), arguments).await
    }

    async fn audit(&self, more: &[&str]) -> (i32, Value) {
        audit(&self.database, &self.sigan, more).await
    }

    async fn state_of(&self, msisdn: &str) -> (Value, Value) {
        let number = self.http().get(&format!("/numbers/{msisdn}")).await;
        (number.body["status"].clone(), number.body["history"][0]["state"].clone())
    }

    async fn is_clean(&self) {
        assert_records_agree(&self.database, &self.sigan.url(), &self.sigan.inventory()).await;
    }
}

/// Audits numbers of any age, and returns the exit code and the report.
pub(crate) async fn audit(database: &Database, sigan: &Sigan, more: &[&str]) -> (i32, Value) {
    audit_with(&settings(database, &sigan.url()), more).await
}

/// Audits numbers of any age with these settings.
pub(crate) async fn audit_with(settings: &[(&str, &str)], more: &[&str]) -> (i32, Value) {
    let audit = ["--output", "json", "audit", "--min-age", "0s"];
    let ended = run_beside(settings, &[&audit, more].concat()).await;
    (ended.code, ended.json())
}

/// Releases a hold in Sigan without our knowledge.
pub(crate) async fn lose(sigan: &Sigan, msisdn: &str) {
    let holder = sigan.inventory().holder_of(msisdn.parse().unwrap()).expect("it is held");
    let released = client().delete(hold(sigan, holder.as_str(), msisdn)).send().await;
    assert_eq!(released.expect("Sigan answers").status(), StatusCode::NO_CONTENT);
}

fn hold(sigan: &Sigan, id: &str, msisdn: &str) -> String {
    format!("{}/pre-reservations/{id}/reservations/{msisdn}", sigan.url())
}

fn client() -> reqwest::Client {
    plain_client().build().expect("a client")
}

/// The differences of a report: the number, the kind and the outcome of each.
fn differences(report: &Value) -> Vec<(&str, &str, &str)> {
    let list = report["differences"].as_array().expect("a list");
    list.iter()
        .map(|difference| {
            let field = |name: &str| difference[name].as_str().unwrap_or_default();
            (field("msisdn"), field("kind"), field("outcome"))
        })
        .collect()
}

async fn nothing_differs_after_ordinary_work(database: Database) {
    let setup = Setup::on(database).await;
    let (kept, released, on_a_line) =
        (setup.reserved().await, setup.reserved().await, setup.reserved().await);
    let http = setup.http();
    let assignment = format!("/reservations/{on_a_line}/assignment");
    assert_eq!(
        http.put_json(&assignment, json!({ "simId": setup.database.add_sim().await })).await.status,
        204
    );
    assert_eq!(http.delete(&format!("/reservations/{released}")).await.status, 204);
    setup.database.wait_for_count("select count(*) from reservation where state = 'RELEASED'", 1).await;
    let (code, report) = setup.audit(&[]).await;
    let counts = json!({
        "listed": 2, "held": 2, "unsettled": 0, "unknownHere": 0, "unknownThere": 0, "stateDiffers": 0, "unreadable": 0,
        "simsListed": 0, "simsDiffer": 0, "fixed": 0, "brands": ["acme"], "mayMissBrands": true, "differences": []
    });
    assert_eq!((code, report), (0, counts), "these fields and no others");
    assert_eq!(setup.oss(&["audit", "--fix"]).await.code, 0);
    assert_eq!(setup.state_of(&kept).await.1, "HELD");
    setup.is_clean().await;
}

async fn a_hold_that_nobody_here_knows_is_released(database: Database) {
    let setup = Setup::on(database).await;
    let kept = setup.reserved().await;
    let (id, stray) = setup.stray().await;
    let (code, report) = setup.audit(&[]).await;
    assert_eq!((code, &report["unknownHere"]), (4, &json!(1)), "{report}");
    assert_eq!(differences(&report), [(stray.as_str(), "unknown-here", "reported")]);
    assert_eq!(report["differences"][0]["externalId"], json!(id));
    let table = setup.oss(&["audit", "--min-age", "0s"]).await;
    assert_eq!(table.code, 4, "{table:?}");
    for part in [&stray, &id, "held in Sigan, unknown here", "reported", "oss audit --fix"] {
        assert!(table.stdout.contains(part), "{part}: {table:?}");
    }
    assert_eq!(setup.sigan.calls(CallKind::Release), 0, "a report changes nothing");

    let (code, report) = setup.audit(&["--fix"]).await;
    assert_eq!((code, &report["fixed"]), (4, &json!(1)), "every difference is reported, even if it is fixed");
    assert_eq!(differences(&report), [(stray.as_str(), "unknown-here", "fixed")]);
    assert_eq!(setup.sigan.inventory().reserved().len(), 1);
    let shown = setup.http().get(&format!("/numbers/{stray}")).await;
    assert_eq!(shown.body["history"][0]["state"], "RELEASED", "the release is history too: {shown:?}");
    assert_eq!(setup.state_of(&kept).await.1, "HELD");
    setup.is_clean().await;
}

/// While a release is on its way to Sigan, a repeated reserve would be answered with "already yours", and the caller would lose the
/// number a moment later.
async fn a_hold_that_is_released_is_not_given_again(database: Database) {
    let setup = Setup::on(database).await;
    let http = setup.http();
    let preview = http.preview().await;
    assert_eq!(http.reserve(&preview, 1).await.status, 200);
    // As after a restore of an earlier moment: the preview exists, but nothing says that its number was reserved.
    setup.database.execute("delete from reservation").await;
    setup.database.execute("delete from phone_number").await;
    setup.database.execute("update preview set reserved_msisdn = null").await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    setup.sigan.behave(Behaviour { latency: Duration::from_secs(1), ..Behaviour::default() });
    let audited = tokio::spawn({
        let settings = settings(&setup.database, &setup.sigan.url())
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        async move {
            let settings: Vec<_> = settings.iter().map(|(name, value)| (&**name, &**value)).collect();
            run_beside(&settings, &["audit", "--fix", "--min-age", "1s"]).await
        }
    });
    setup.database.wait_for_count("select count(*) from reservation where state = 'RELEASING'", 1).await;
    let barred = http.reserve(&preview, 1).await;
    assert_eq!((barred.status, &barred.body["type"]), (409, &json!("urn:oss:problem:preview-used")));
    audited.await.unwrap();
    setup.database.wait_for_count("select count(*) from reservation where state = 'RELEASED'", 1).await;
    assert_eq!(setup.sigan.inventory().reserved(), []);
    assert_eq!(http.reserve(&preview, 1).await.status, 409, "the hold is over");
}

/// The audit reports a row that cannot be read by its table and key, and goes on.
async fn an_unreadable_row_is_reported_and_left_alone(database: Database) {
    let setup = Setup::on(database).await;
    let (spoilt, whole) = (setup.reserved().await, setup.reserved().await);
    setup.lose(&whole).await;
    let unseen = if setup.database.url().starts_with("sqlite") { "char(10)" } else { "chr(10)" };
    setup
        .database
        .execute(&format!("update reservation set external_id = 'a' || {unseen} where msisdn = '{spoilt}'"))
        .await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let audited = setup.oss(&["--output", "json", "audit", "--fix", "--min-age", "1s"]).await;
    assert_eq!(audited.code, 4, "{audited:?}");
    let report: Value = serde_json::from_str(&audited.stdout).expect("JSON");
    assert_eq!((&report["unreadable"], &report["unknownThere"]), (&json!(1), &json!(1)), "{report}");
    let differences = report["differences"].as_array().unwrap();
    let row = differences.iter().find(|one| one["kind"] == "unreadable").unwrap();
    assert!(row["row"].as_str().unwrap().contains(&spoilt), "{row}");
    let given_back = differences.iter().find(|one| one["msisdn"] == json!(whole)).unwrap();
    assert_eq!(given_back["outcome"], "fixed", "the others are settled");
}

async fn a_number_that_sigan_does_not_hold_is_given_back(database: Database) {
    let setup = Setup::on(database).await;
    let (kept, lost) = (setup.reserved().await, setup.reserved().await);
    setup.lose(&lost).await;
    let (code, report) = setup.audit(&[]).await;
    assert_eq!((code, &report["unknownThere"]), (4, &json!(1)), "{report}");
    assert_eq!(differences(&report), [(lost.as_str(), "unknown-there", "reported")]);
    assert_eq!(setup.state_of(&lost).await, (json!("RESERVED"), json!("HELD")));

    let (code, report) = setup.audit(&["--fix"]).await;
    assert_eq!((code, differences(&report)), (4, vec![(lost.as_str(), "unknown-there", "fixed")]));
    assert_eq!(setup.state_of(&lost).await, (json!("RETURNED"), json!("RELEASED")));
    assert_eq!(setup.state_of(&kept).await, (json!("RESERVED"), json!("HELD")));
    setup.is_clean().await;
}

async fn a_hold_that_is_over_here_is_released(database: Database) {
    let setup = Setup::on(database).await;
    let number = setup.reserved().await;
    // As if an older backup was restored, or a person changed the tables by hand.
    let over = "update reservation set state = 'RELEASED', due_at = null where state = 'HELD'";
    setup.database.execute(over).await;
    setup.database.execute("update phone_number set status = 'RETURNED'").await;
    let (code, report) = setup.audit(&[]).await;
    assert_eq!((code, &report["stateDiffers"]), (4, &json!(1)), "{report}");
    assert_eq!(differences(&report), [(number.as_str(), "state-differs", "reported")]);
    assert_eq!(report["differences"][0]["state"], "RELEASED");
    let (code, report) = setup.audit(&["--fix"]).await;
    assert_eq!((code, differences(&report)), (4, vec![(number.as_str(), "state-differs", "fixed")]));
    assert_eq!(setup.sigan.inventory().reserved(), []);
    setup.is_clean().await;
}

async fn young_numbers_are_left_alone(database: Database) {
    let setup = Setup::on(database).await;
    let lost = setup.reserved().await;
    setup.lose(&lost).await;
    setup.stray().await;
    let left = setup.oss(&["--output", "json", "audit", "--fix"]).await;
    assert_eq!((left.code, &left.json()["unsettled"]), (4, &json!(2)), "it is not clean: {left:?}");
    let table = setup.oss(&["audit"]).await;
    assert_eq!(table.code, 4, "{table:?}");
    assert!(table.stdout.contains("Not clean: 2 left unsettled, run again: oss audit"), "{table:?}");
    assert_eq!(setup.sigan.inventory().reserved().len(), 1);
    assert_eq!(setup.state_of(&lost).await, (json!("RESERVED"), json!("HELD")));
}

async fn a_number_on_a_line_is_left_to_a_person(database: Database) {
    let setup = Setup::on(database).await;
    let number = setup.reserved().await;
    let assignment = format!("/reservations/{number}/assignment");
    let sim = json!({ "simId": setup.database.add_sim().await });
    assert_eq!(setup.http().put_json(&assignment, sim).await.status, 204);
    setup.lose(&number).await;
    let (code, report) = setup.audit(&["--fix", "--force"]).await;
    assert_eq!((code, differences(&report)), (4, vec![(number.as_str(), "unknown-there", "person")]));
    assert_eq!(setup.state_of(&number).await, (json!("IN_USE"), json!("ASSIGNED")));
    let table = setup.oss(&["audit", "--fix", "--min-age", "0s"]).await;
    assert!(table.stdout.contains("left: a person has to decide"), "{table:?}");
}

async fn many_strays_have_to_be_forced(database: Database) {
    let setup = Setup::on(database).await;
    join_all((0..25).map(|_| setup.stray())).await;
    let (code, report) = setup.audit(&["--fix"]).await;
    assert_eq!((code, &report["unknownHere"], &report["fixed"]), (4, &json!(25), &json!(20)), "{report}");
    let limited = differences(&report).iter().filter(|(_, _, outcome)| *outcome == "limit").count();
    assert_eq!(limited, 5);
    assert_eq!(setup.sigan.inventory().reserved().len(), 5);
    join_all((0..20).map(|_| setup.stray())).await;
    let (code, report) = setup.audit(&["--fix", "--force"]).await;
    assert_eq!((code, &report["fixed"]), (4, &json!(25)), "{report}");
    assert_eq!(setup.sigan.inventory().reserved(), []);
    setup.is_clean().await;
}

async fn many_strays_are_released_together(database: Database) {
    const STRAYS: usize = 48;
    let setup = Setup::on(database).await;
    join_all((0..STRAYS).map(|_| setup.stray())).await;
    let latency = Duration::from_millis(400);
    setup.sigan.behave(Behaviour { latency, ..Behaviour::default() });
    let begun = Instant::now();
    let (code, report) = setup.audit(&["--fix", "--force"]).await;
    let took = begun.elapsed();
    setup.sigan.behave(Behaviour::default());
    assert_eq!((code, &report["fixed"]), (4, &json!(STRAYS)), "{report}");
    assert!(took < latency * 20, "one after another takes {:?} at least: {took:?}", latency * 48);
    let numbers: Vec<&str> = differences(&report).into_iter().map(|(msisdn, ..)| msisdn).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    setup.is_clean().await;
}

async fn it_says_which_brands_it_covers(database: Database) {
    let setup = Setup::on(database).await;
    let holds =
        "insert into reservation (id, external_id, brand_id, msisdn, state, created_at, updated_at) values";
    let (id, now) = (setup.database.uuid_literal(uuid::Uuid::now_v7()), setup.database.now());
    setup
        .database
        .execute(&format!("{holds} ({id}, 'PR-9', 'other', '11987650001', 'ASSIGNED', {now}, {now})"))
        .await;
    let (_, report) = setup.audit(&[]).await;
    assert_eq!((&report["brands"], &report["mayMissBrands"]), (&json!(["acme", "other"]), &json!(true)));
    let table = setup.oss(&["audit"]).await;
    for part in ["Audited brands: acme, other\n", "Not audited:", "--config"] {
        assert!(table.stdout.contains(part), "{part}: {table:?}");
    }

    let mut clients = ClientsFile::new();
    clients.admit("shop", "named", &[Scope::Operations]);
    let file = clients.path().display().to_string();
    let (_, report) = setup.audit(&["--config", &file]).await;
    let brands = json!(["acme", "named", "other"]);
    assert_eq!((&report["brands"], &report["mayMissBrands"]), (&brands, &json!(false)));
    let table = setup.oss(&["audit", "--config", &file]).await;
    assert!(table.stdout.contains("Audited brands: acme, named, other"), "{table:?}");
    assert!(!table.stdout.contains("Not audited"), "{table:?}");
}

async fn a_reserve_under_way_is_not_touched(database: Database) {
    let setup = Setup::on(database).await;
    let http = setup.http();
    let preview = http.preview().await;
    setup.sigan.behave(Behaviour { latency: Duration::from_secs(1), ..Behaviour::default() });
    let reserve = tokio::spawn(async move { http.reserve(&preview, 1).await });
    wait_until_called(&setup.sigan, CallKind::Reserve, 1).await;
    // Sigan holds the number already, and its answer is on the way.
    setup.sigan.behave(Behaviour::default());
    let (code, report) = setup.audit(&["--fix", "--force"]).await;
    assert_eq!((code, differences(&report), &report["unsettled"]), (4, vec![], &json!(1)), "{report}");
    assert_eq!(reserve.await.unwrap().status, 200);
    assert_eq!(setup.sigan.calls(CallKind::Release), 0);
    setup.is_clean().await;
}

async fn an_outage_changes_nothing(database: Database) {
    let mut setup = Setup::on(database).await;
    let (lost, (_, stray)) = (setup.reserved().await, setup.stray().await);
    setup.lose(&lost).await;
    setup.sigan.go_down().await;
    let ended = setup.oss(&["--output", "json", "audit", "--fix", "--min-age", "0s"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (5, ""), "{ended:?}");
    assert!(ended.stderr.contains("\"code\":\"sigan-unreachable\""), "{ended:?}");
    assert_eq!(setup.state_of(&lost).await, (json!("RESERVED"), json!("HELD")));
    assert_eq!(setup.http().get(&format!("/numbers/{stray}")).await.status, 404);
    setup.sigan.come_back().await;
    assert_eq!(setup.audit(&["--fix"]).await.1["fixed"], 2);
    setup.is_clean().await;
}

//! Numbers without a caller: the server's background sweep, `POST /sweeps` and `oss sweep` settle them.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use futures::future::join_all;
use oss_core::sigan::mock::{Behaviour, CallKind, Fault, Inventory};
use oss_tests::backend::Database;
use oss_tests::cli::{oss, run, run_beside};
use oss_tests::eventually::eventually;
use oss_tests::http::{Answer, Http};
use oss_tests::metrics::Scrape;
use oss_tests::process::signal;
use oss_tests::server::Server;
use oss_tests::settle::{UNSETTLED, assert_records_agree, settings};
use oss_tests::sigan::Sigan;
use reqwest::Method;
use serde_json::{Value, json};

oss_tests::on_both!(
    the_server_gives_an_abandoned_number_back,
    a_scheduler_may_ask_for_a_sweep,
    an_operator_may_sweep,
    an_operator_may_watch_sweeps,
    a_number_on_a_line_is_not_abandoned,
    a_number_that_another_program_put_on_a_line_stays,
    a_doubt_settles_by_itself,
    a_doubt_outlives_an_outage,
    a_lost_random_number_is_given_back,
    a_lost_random_number_with_a_key_is_kept,
    a_release_is_delivered_once_sigan_is_back,
    a_release_delivered_twice_frees_no_newer_hold,
    every_hold_of_a_number_is_shown,
    a_slow_call_does_not_stop_the_others,
    a_sweep_goes_on_if_its_probe_is_answered,
);

/// Makes numbers count as abandoned after the shortest time that the setting allows.
const ABANDONED: (&str, &str) = ("OSS_RESERVATION_TTL", "1s");
const BACKGROUND: (&str, &str) = ("OSS_SWEEP_INTERVAL", "1s");
const SHORT: (&str, &str) = ("OSS_SIGAN_TIMEOUT", "1500ms");

const OVERDUE: &str = "select count(*) from reservation where state = 'HELD' and due_at <= ";
const SETTLED: &str = "select count(*) from reservation where state = ";

async fn in_state(database: &Database, state: &str, count: i64) {
    database.wait_for_count(&format!("{SETTLED}'{state}'"), count).await;
}

async fn overdue(database: &Database, count: i64) {
    database.wait_for_count(&format!("{OVERDUE}{}", database.now()), count).await;
}

async fn sweep(http: &Http) -> Answer {
    http.send(http.request(Method::POST, "/sweeps")).await
}

async fn reserved(http: &Http) -> String {
    let reserved = http.post("/reservations", json!({ "areaCode": "11" })).await;
    assert_eq!(reserved.status, 201, "{reserved:?}");
    reserved.body["msisdn"].as_str().expect("a number").to_owned()
}

async fn state_of(http: &Http, msisdn: &str) -> (Value, Value) {
    let number = http.get(&format!("/numbers/{msisdn}")).await;
    (number.body["status"].clone(), number.body["history"][0]["state"].clone())
}

async fn the_server_gives_an_abandoned_number_back(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[ABANDONED, BACKGROUND]).await;
    let http = server.http();
    let preview = http.preview().await;
    assert_eq!(http.reserve(&preview, 1).await.status, 200);
    in_state(&database, "RELEASED", 1).await;
    assert_eq!(state_of(&http, "11999950001").await, (json!("RETURNED"), json!("RELEASED")));
    assert_eq!(sigan.inventory().reserved(), []);
    let again = http.reserve(&preview, 1).await;
    assert_eq!((again.status, &again.body["type"]), (409, &json!("urn:oss:problem:preview-used")));
}

async fn a_scheduler_may_ask_for_a_sweep(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[ABANDONED]).await;
    let http = server.http();
    let nothing = json!({
        "expired": 0, "assigned": 0, "recovered": 0, "released": 0, "rejected": 0, "failed": 0, "purged": 0,
        "setAside": 0, "simsIssued": 0, "simsDeprogrammed": 0, "simsFailed": 0
    });
    let swept = sweep(&http).await;
    assert_eq!((swept.status, &swept.body), (200, &nothing), "these fields and no others");
    for _ in 0..3 {
        reserved(&http).await;
    }
    overdue(&database, 3).await;
    let swept = sweep(&http).await;
    assert_eq!((&swept.body["expired"], &swept.body["released"]), (&json!(3), &json!(3)), "{swept:?}");
    assert_eq!(sweep(&http).await.body, nothing, "once");
    assert_eq!(sigan.inventory().reserved(), []);
}

async fn an_operator_may_sweep(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[ABANDONED]).await;
    reserved(&server.http()).await;
    overdue(&database, 1).await;
    let url = sigan.url();
    let settings = settings(&database, url.as_str());
    let swept = run(&settings, &["--output", "json", "sweep"]);
    assert_eq!((swept.code, swept.stderr.as_str()), (0, ""));
    assert_eq!((&swept.json()["expired"], &swept.json()["released"]), (&json!(1), &json!(1)));
    assert_eq!(sigan.inventory().reserved(), []);
    let swept = run(&settings, &["sweep"]);
    assert_eq!(swept.code, 0);
    for heading in ["expired", "assigned", "recovered", "released", "rejected", "failed", "purged"] {
        assert!(swept.stdout.contains(heading), "{swept:?}");
    }
}

async fn an_operator_may_watch_sweeps(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[ABANDONED]).await;
    let url = sigan.url();
    let mut watch = oss(&settings(&database, url.as_str()));
    watch.env("OSS_SWEEP_INTERVAL", "1s").args(["--output", "json", "sweep", "--watch"]);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("oss runs");
    let mut lines = BufReader::new(watch.stdout.take().expect("its output is piped")).lines();
    for _ in 0..2 {
        reserved(&server.http()).await;
        // A sweep that did nothing prints nothing.
        let line = lines.next().expect("it goes on").expect("a line");
        let swept: Value = serde_json::from_str(&line).expect("one document a line");
        assert_eq!(swept["expired"], 1, "{line}");
    }
    signal(watch.id(), "INT");
    assert_eq!(watch.wait().expect("a child can be waited for").code(), Some(0));
    assert_eq!(sigan.inventory().reserved(), []);
}

async fn a_number_on_a_line_is_not_abandoned(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[ABANDONED]).await;
    let http = server.http();
    let (kept, abandoned) = (reserved(&http).await, reserved(&http).await);
    let assignment = format!("/reservations/{kept}/assignment");
    assert_eq!(http.put_json(&assignment, json!({ "simId": database.add_sim().await })).await.status, 204);
    overdue(&database, 1).await;
    assert_eq!(sweep(&http).await.body["expired"], 1);
    assert_eq!(state_of(&http, &kept).await, (json!("IN_USE"), json!("ASSIGNED")));
    assert_eq!(state_of(&http, &abandoned).await, (json!("RETURNED"), json!("RELEASED")));
    assert_eq!(sigan.inventory().reserved().len(), 1);
}

async fn a_number_that_another_program_put_on_a_line_stays(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[ABANDONED]).await;
    let http = server.http();
    let msisdn = reserved(&http).await;
    database.execute(&format!("update phone_number set status = 'IN_USE' where msisdn = '{msisdn}'")).await;
    overdue(&database, 1).await;
    let swept = sweep(&http).await;
    assert_eq!((&swept.body["assigned"], &swept.body["expired"]), (&json!(1), &json!(0)), "{swept:?}");
    assert_eq!(state_of(&http, &msisdn).await, (json!("IN_USE"), json!("ASSIGNED")));
    assert_eq!(sigan.inventory().reserved().len(), 1);
}

async fn a_doubt_settles_by_itself(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[BACKGROUND, SHORT]).await;
    let http = server.http();
    for (fault, status, state) in [
        (Fault::LoseAnswer, "RESERVED", "HELD"),
        (Fault::Garble, "RESERVED", "HELD"),
        (Fault::FailBefore, "RETURNED", "REJECTED"),
    ] {
        let preview = http.preview().await;
        sigan.next(CallKind::Reserve, fault);
        assert_eq!(http.reserve(&preview, 1).await.status, 504, "{fault:?}");
        let sweeps = sigan.calls(CallKind::Holder);
        database.wait_for_count(UNSETTLED, 0).await;
        assert_eq!(sigan.calls(CallKind::Holder), sweeps + 1, "Sigan is asked once: {fault:?}");
        let msisdn = database.texts("select msisdn || '' from reservation order by id desc limit 1").await;
        assert_eq!(state_of(&http, &msisdn[0]).await, (json!(status), json!(state)), "{fault:?}");
    }
    assert_eq!(sigan.inventory().reserved().len(), 2);
    assert_eq!(sigan.calls(CallKind::Release), 1, "the lost call is barred in Sigan");
}

async fn a_doubt_outlives_an_outage(database: Database) {
    let mut sigan = Sigan::start(Inventory::new("PR")).await;
    let server = Server::start(&database, &sigan.url(), &[BACKGROUND, SHORT]);
    let http = server.http();
    for fault in [Fault::LoseAnswer, Fault::FailBefore] {
        let preview = http.preview().await;
        sigan.next(CallKind::Reserve, fault);
        assert_eq!(http.reserve(&preview, 1).await.status, 504, "{fault:?}");
    }
    sigan.go_down().await;
    eventually(async || {
        let created = http.post("/previews", json!({ "areaCode": "11" })).await;
        let is_busy = created.body["type"] == "urn:oss:problem:sigan-busy";
        if is_busy { Ok(()) } else { Err(format!("{created:?}")) }
    })
    .await;
    server.wait_for_log("only a probe is sent now and then").await;
    assert_eq!(database.count(UNSETTLED).await, 2, "nobody guesses what Sigan does not tell");
    sigan.come_back().await;
    database.wait_for_count(UNSETTLED, 0).await;
    assert_eq!(state_of(&http, "11999950001").await, (json!("RESERVED"), json!("HELD")));
    assert_eq!(state_of(&http, "11999950004").await, (json!("RETURNED"), json!("REJECTED")));
    assert_records_agree(&database, &sigan.url(), &sigan.inventory()).await;
}

async fn a_lost_random_number_is_given_back(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[BACKGROUND, SHORT]).await;
    let http = server.http();
    sigan.next(CallKind::Reserve, Fault::LoseAnswer);
    assert_eq!(http.post("/reservations", json!({ "areaCode": "11" })).await.status, 504);
    database.wait_for_count(UNSETTLED, 0).await;
    assert_eq!(state_of(&http, "11999950001").await, (json!("RETURNED"), json!("REJECTED")));
    assert_eq!(sigan.inventory().reserved(), [], "nobody could name it");
}

async fn a_lost_random_number_with_a_key_is_kept(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[BACKGROUND, SHORT]).await;
    let http = server.http();
    let keyed = || {
        let request = http.request(Method::POST, "/reservations").json(&json!({ "areaCode": "11" }));
        http.send(request.header("idempotency-key", "order-4711"))
    };
    sigan.next(CallKind::Reserve, Fault::LoseAnswer);
    assert_eq!(keyed().await.status, 504);
    database.wait_for_count(UNSETTLED, 0).await;
    assert_eq!(state_of(&http, "11999950001").await, (json!("RESERVED"), json!("HELD")));
    let again = keyed().await;
    assert_eq!((again.status, &again.body["msisdn"]), (201, &json!("11999950001")));
    assert_eq!(sigan.calls(CallKind::Reserve), 1);
}

async fn a_release_is_delivered_once_sigan_is_back(database: Database) {
    let mut sigan = Sigan::start(Inventory::new("PR")).await;
    let server = Server::start(&database, &sigan.url(), &[BACKGROUND, SHORT]);
    let http = server.http();
    let msisdn = reserved(&http).await;
    sigan.go_down().await;
    assert_eq!(http.delete(&format!("/reservations/{msisdn}")).await.status, 204);
    server.wait_for_log("could not be told of a release").await;
    assert_eq!(state_of(&http, &msisdn).await, (json!("RETURNED"), json!("RELEASING")));
    // Until the release is sent again, the reason of the last failure is shown.
    eventually(async || {
        let shown = http.get(&format!("/numbers/{msisdn}")).await;
        let is_shown = shown.body["history"][0]["reason"] == "not-reachable";
        if is_shown { Ok(()) } else { Err(format!("{shown:?}")) }
    })
    .await;
    sigan.come_back().await;
    in_state(&database, "RELEASED", 1).await;
    assert_eq!(sigan.inventory().reserved(), []);
    assert_records_agree(&database, &sigan.url(), &sigan.inventory()).await;
}

async fn a_release_delivered_twice_frees_no_newer_hold(database: Database) {
    let sigan = Sigan::start(Inventory::new("PR").with_numbers_per_ddd(1)).await;
    let server = Server::start(&database, &sigan.url(), &[SHORT]);
    let http = server.http();
    let msisdn = reserved(&http).await;
    // Sigan frees the number, but its answer is lost. So the release is sent again.
    sigan.next(CallKind::Release, Fault::LoseAnswer);
    assert_eq!(http.delete(&format!("/reservations/{msisdn}")).await.status, 204);
    server.wait_for_log("could not be told of a release").await;
    assert_eq!(reserved(&http).await, msisdn, "offered again meanwhile");
    eventually(async || {
        let swept = sweep(&http).await;
        if swept.body["released"] == 1 { Ok(()) } else { Err(format!("{swept:?}")) }
    })
    .await;
    assert_eq!(sigan.calls(CallKind::Release), 2);
    assert_eq!(state_of(&http, &msisdn).await, (json!("RESERVED"), json!("HELD")));
    assert_records_agree(&database, &sigan.url(), &sigan.inventory()).await;
}

async fn every_hold_of_a_number_is_shown(database: Database) {
    let sigan = Sigan::start(Inventory::new("PR").with_numbers_per_ddd(1)).await;
    let server = Server::start(&database, &sigan.url(), &[ABANDONED]);
    let http = server.http();
    let msisdn = reserved(&http).await;
    overdue(&database, 1).await;
    sweep(&http).await;
    assert_eq!(reserved(&http).await, msisdn, "there is no other");

    let shown = http.get(&format!("/numbers/{msisdn}")).await;
    let [latest, first] = &shown.body["history"].as_array().expect("a list")[..] else { panic!("{shown:?}") };
    assert_eq!((&latest["state"], &latest["reason"]), (&json!("HELD"), &json!(null)));
    assert_eq!((&first["state"], &first["reason"]), (&json!("RELEASED"), &json!(null)));
    assert_ne!(latest["externalId"], first["externalId"]);
    let time = |hold: &Value, field: &str| {
        let text = hold[field].as_str().unwrap_or_else(|| panic!("{field} of {hold}"));
        chrono::DateTime::parse_from_rfc3339(text).expect("a time with its zone")
    };
    assert!(time(first, "createdAt") < time(first, "updatedAt"));
    assert!(time(first, "updatedAt") <= time(latest, "createdAt"));
    assert!(time(latest, "createdAt") < time(latest, "holdExpiresAt"));

    let url = sigan.url();
    let table = run_beside(&settings(&database, &url), &["show", &msisdn]).await;
    assert_eq!(table.code, 0, "{table:?}");
    for part in ["RESERVED since 20", "HELD", "RELEASED", "none: random", "PR-1", "PR-2"] {
        assert!(table.stdout.contains(part), "{part}: {table:?}");
    }
    let json = run_beside(&settings(&database, &url), &["--output", "json", "show", &msisdn]).await;
    assert_eq!(json.json(), shown.body, "the same over both edges");
}

/// More rows are due than a sweep has calls in flight.
async fn a_slow_call_does_not_stop_the_others(database: Database) {
    const DUE: usize = 40;
    let (server, sigan) = Server::with_sigan(&database, &[ABANDONED, ("OSS_SIGAN_TIMEOUT", "2m")]).await;
    let http = server.http();
    for _ in 0..DUE {
        reserved(&http).await;
    }
    overdue(&database, 40).await;
    sigan.next(CallKind::Release, Fault::Slow(Duration::from_secs(110)));
    let sweep = tokio::spawn(async move { sweep(&http).await });
    in_state(&database, "RELEASED", 39).await;
    assert!(!sweep.is_finished());
}

async fn a_sweep_goes_on_if_its_probe_is_answered(database: Database) {
    const DUE: usize = 40;
    let (server, sigan) = Server::with_sigan(&database, &[ABANDONED]).await;
    let http = server.http();
    for _ in 0..DUE {
        reserved(&http).await;
    }
    overdue(&database, 40).await;
    sigan.behave(Behaviour { fail_rate: 1.0, ..Behaviour::default() });
    sweep(&http).await;
    let calls = sigan.calls(CallKind::Release);
    assert!(calls < 40, "it does not try all: {calls}");
    let probe_is_due = Duration::from_millis(1100);
    tokio::time::sleep(probe_is_due).await;
    assert_eq!(sweep(&http).await.body["failed"], 1);
    assert_eq!(sigan.calls(CallKind::Release), calls + 1, "only a probe");

    sigan.behave(Behaviour::default());
    // Every row is due again by then.
    tokio::time::sleep(probe_is_due * 2).await;
    assert_eq!(sweep(&http).await.body["released"], 40);
    assert_eq!(sigan.inventory().reserved(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_runs_one_sweep_at_a_time_and_its_callers_share_the_report() {
    const CALLERS: usize = 20;
    let database = Database::postgres().await;
    let (server, sigan) = Server::with_sigan(&database, &[ABANDONED]).await;
    let http = server.http();
    reserved(&http).await;
    overdue(&database, 1).await;
    // The background sweep at the start counts.
    let before = sweeps_of(&http).await;
    sigan.behave(Behaviour { latency: Duration::from_secs(2), ..Behaviour::default() });
    let swept = join_all((0..CALLERS).map(|_| sweep(&http))).await;
    assert!(swept.iter().all(|swept| swept.body["released"] == 1), "{swept:?}");
    assert_eq!((sweeps_of(&http).await - before).to_string(), "1");
    assert_eq!(sweep(&http).await.body["released"], 0, "the next one is new");

    // If the callers hang up, no further sweep starts, and the one that runs goes on.
    reserved(&http).await;
    overdue(&database, 1).await;
    let before = sweeps_of(&http).await;
    for _ in 0..CALLERS {
        let asked = tokio::time::timeout(Duration::from_millis(50), sweep(&http)).await;
        assert!(asked.is_err(), "it takes as long as Sigan does: {asked:?}");
    }
    in_state(&database, "RELEASED", 2).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((sweeps_of(&http).await - before).to_string(), "1");
}

/// The number of sweeps that have ended, read from the metrics.
async fn sweeps_of(http: &Http) -> f64 {
    Scrape::of(http).await.value("oss_operation_duration_seconds_count", &[("operation", "sweep")])
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_deliver_each_release_once() {
    const DUE: usize = 200;
    let database = Database::postgres().await;
    let (first, sigan) = Server::with_sigan(&database, &[ABANDONED]).await;
    let second = Server::start(&database, sigan.url().as_str(), &[]);
    let http = first.http();
    join_all((0..DUE).map(|_| reserved(&http))).await;
    overdue(&database, 200).await;
    let (here, there) = (first.http(), second.http());
    let sweeps = join_all([sweep(&here), sweep(&there)]).await;
    database.wait_for_count(UNSETTLED, 0).await;
    let sum = |field: &str| sweeps.iter().filter_map(|swept| swept.body[field].as_u64()).sum::<u64>();
    assert_eq!((sum("expired"), sum("released"), sum("failed")), (200, 200, 0), "{sweeps:?}");
    assert_eq!(sigan.calls(CallKind::Release), 200);
    assert_eq!(sigan.inventory().reserved(), []);
}

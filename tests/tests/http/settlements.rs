//! Settlements of one number over HTTP, on both databases.

use std::time::Duration;

use oss_core::access::Scope;
use oss_core::gsim::mock::{CallKind as GsimCall, Fault as GsimFault};
use oss_core::sigan::Hold;
use oss_core::sigan::mock::{Behaviour, CallKind, Fault, RunningSigan};
use oss_tests::backend::Database;
use oss_tests::clients::ClientsFile;
use oss_tests::eventually::eventually;
use oss_tests::http::{Answer, Http, plain_client};
use oss_tests::server::Server;
use oss_tests::settle::UNSETTLED;
use oss_tests::sigan::wait_until_called;
use oss_tests::sims::{Lines, device, end, line, order, problem, reserve};
use reqwest::Method;
use serde_json::{Value, json};

oss_tests::on_both!(
    a_doubt_is_settled_at_once,
    a_settled_number_is_compared_with_sigan,
    an_unanswered_question_leaves_the_number_in_doubt,
    a_release_is_told_at_once,
    a_number_with_a_call_under_way_is_left_to_it,
    of_two_settlements_one_asks_sigan,
    what_sigan_has_is_compared_with_what_is_recorded_now,
    an_order_is_settled_at_once,
    an_ended_line_is_told_at_once,
    a_number_is_settled_for_its_brand_alone,
);

async fn settle(http: &Http, msisdn: &str) -> Answer {
    http.send(http.request(Method::POST, &format!("/reservations/{msisdn}/settlement"))).await
}

/// The state of the latest attempt, Sigan's answer, and whether both agree.
fn result(answer: &Answer) -> (&Value, &Value, &Value) {
    assert_eq!(answer.status, 200, "{answer:?}");
    (&answer.body["number"]["history"][0]["state"], &answer.body["sigan"], &answer.body["agrees"])
}

/// A number of a preview whose reserve got no answer.
async fn in_doubt(http: &Http, sigan: &RunningSigan, fault: Fault) -> String {
    let preview = http.preview().await;
    sigan.next(CallKind::Reserve, fault);
    assert_eq!(http.reserve(&preview, 1).await.status, 504, "{fault:?}");
    // The number of the latest preview is the first one that it offered.
    let drawn = sigan.calls(CallKind::PreReserve) - 1;
    format!("1199995{:04}", drawn * 3 + 1)
}

async fn a_doubt_is_settled_at_once(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[("OSS_SIGAN_TIMEOUT", "1500ms")]).await;
    let http = server.http();
    for (fault, state, held) in [(Fault::LoseAnswer, "HELD", 1), (Fault::FailBefore, "REJECTED", 1)] {
        let msisdn = in_doubt(&http, &sigan, fault).await;
        let settled = settle(&http, &msisdn).await;
        assert_eq!(result(&settled), (&json!(state), &Value::Null, &json!(true)), "{fault:?}: {settled:?}");
        assert_eq!(sigan.inventory().reserved().len(), held, "{fault:?}");
    }
    assert_eq!(database.count(UNSETTLED).await, 0);
    // Nobody can name a random number without a key.
    sigan.next(CallKind::Reserve, Fault::LoseAnswer);
    assert_eq!(http.post("/reservations", json!({ "areaCode": "21" })).await.status, 504);
    let settled = settle(&http, "21999950001").await;
    assert_eq!(result(&settled), (&json!("REJECTED"), &Value::Null, &json!(true)), "{settled:?}");
}

async fn a_settled_number_is_compared_with_sigan(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    assert_eq!(problem(&settle(&http, "11999950001").await), (404, "unknown-number"));
    let msisdn = reserve(&http).await;
    let held = settle(&http, &msisdn).await;
    assert_eq!(result(&held), (&json!("HELD"), &json!("RESERVED"), &json!(true)));
    assert_eq!(
        held.body["number"],
        http.get(&format!("/numbers/{msisdn}")).await.body,
        "nothing has changed"
    );
    free_in_sigan(&sigan).await;
    let gone = settle(&http, &msisdn).await;
    assert_eq!(result(&gone), (&json!("HELD"), &json!("NOBODY"), &json!(false)), "only an audit mends that");
    assert_eq!(http.delete(&format!("/reservations/{msisdn}")).await.status, 204);
    database.wait_for_count("select count(*) from reservation where state = 'RELEASED'", 1).await;
    let returned = settle(&http, &msisdn).await;
    assert_eq!(result(&returned), (&json!("RELEASED"), &json!("NOBODY"), &json!(true)));
    sigan.behave(Behaviour { fail_rate: 1.0, ..Behaviour::default() });
    assert_eq!(settle(&http, &msisdn).await.status, 502);
}

/// Releases the only hold in Sigan, as another program with our credentials could.
async fn free_in_sigan(sigan: &RunningSigan) {
    let [Hold { external_id, msisdn }] = &sigan.inventory().reserved()[..] else { panic!("one hold") };
    let path = format!("/pre-reservations/{external_id}/reservations/{msisdn}");
    let url = sigan.url().join(&path).expect("a path");
    let released = plain_client().build().expect("a client").delete(url).send().await.expect("it answers");
    assert_eq!(released.status(), 204);
}

/// A time at which the sweep looks at a row only later.
fn in_an_hour(database: &Database) -> String {
    let hour = if database.is_postgres() { "interval '1 hour'" } else { "3600000000" };
    format!("{} + {hour}", database.now())
}

async fn an_unanswered_question_leaves_the_number_in_doubt(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[("OSS_SIGAN_TIMEOUT", "1500ms")]).await;
    let http = server.http();
    let msisdn = in_doubt(&http, &sigan, Fault::LoseAnswer).await;
    sigan.next(CallKind::Holder, Fault::FailBefore);
    let left = settle(&http, &msisdn).await;
    assert_eq!(result(&left), (&json!("IN_DOUBT"), &Value::Null, &json!(false)), "{left:?}");
    let settled = settle(&http, &msisdn).await;
    assert_eq!(result(&settled), (&json!("HELD"), &Value::Null, &json!(true)), "{settled:?}");
}

async fn a_release_is_told_at_once(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let msisdn = reserve(&http).await;
    sigan.next(CallKind::Release, Fault::FailBefore);
    assert_eq!(http.delete(&format!("/reservations/{msisdn}")).await.status, 204);
    let untold = "select count(*) from reservation where state = 'RELEASING' and last_error is not null";
    database.wait_for_count(untold, 1).await;
    database.execute(&format!("update reservation set due_at = {}", in_an_hour(&database))).await;
    let settled = settle(&http, &msisdn).await;
    assert_eq!(result(&settled), (&json!("RELEASED"), &Value::Null, &json!(true)), "{settled:?}");
    assert_eq!(sigan.inventory().reserved(), []);
}

async fn a_number_with_a_call_under_way_is_left_to_it(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let preview = http.preview().await;
    sigan.behave(Behaviour { latency: Duration::from_secs(2), ..Behaviour::default() });
    let (reserved, ()) = futures::join!(http.reserve(&preview, 1), async {
        wait_until_called(&sigan, CallKind::Reserve, 1).await;
        let busy = settle(&http, "11999950001").await;
        assert_eq!(problem(&busy), (409, "settlement-in-flight"), "{busy:?}");
        assert!(busy.retry_after.is_some_and(|seconds| seconds >= 1), "{busy:?}");
    });
    assert_eq!(reserved.status, 200, "{reserved:?}");
    assert_eq!(sigan.calls(CallKind::Holder), 0);
}

async fn of_two_settlements_one_asks_sigan(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let msisdn = in_doubt(&http, &sigan, Fault::LoseAnswer).await;
    sigan.behave(Behaviour { latency: Duration::from_secs(2), ..Behaviour::default() });
    let (first, second) = futures::join!(settle(&http, &msisdn), settle(&http, &msisdn));
    let (settled, busy) = if first.status == 200 { (first, second) } else { (second, first) };
    assert_eq!(result(&settled), (&json!("HELD"), &Value::Null, &json!(true)), "{settled:?}");
    assert_eq!(problem(&busy), (409, "settlement-in-flight"), "{busy:?}");
    assert_eq!(sigan.calls(CallKind::Holder), 1);
}

async fn what_sigan_has_is_compared_with_what_is_recorded_now(database: Database) {
    let settings = [("OSS_SIGAN_CALLS", "1")];
    let (server, sigan) = Server::with_sigan(&database, &settings).await;
    let http = server.http();
    let preview = http.preview().await;
    sigan.next(CallKind::Reserve, Fault::Slow(Duration::from_millis(1500)));
    // The settlement reads the number while its reserve has the only place at Sigan, and gets its turn when the number is held.
    let (reserved, settled) = futures::join!(http.reserve(&preview, 1), async {
        wait_until_called(&sigan, CallKind::Reserve, 1).await;
        settle(&http, "11999950001").await
    });
    assert_eq!(reserved.status, 200, "{reserved:?}");
    assert_eq!(result(&settled), (&json!("HELD"), &json!("RESERVED"), &json!(true)), "{settled:?}");
}

async fn an_order_is_settled_at_once(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let http = lines.server.http();
    let (msisdn, device) = (reserve(&http).await, device(&http).await);
    lines.gsim.next(GsimCall::OrderEsim, GsimFault::LoseAnswer);
    assert_eq!(order(&http, &msisdn, &line(), &device).await.status, 504);
    lines.gsim.next(GsimCall::Order, GsimFault::FailBefore);
    let left = settle(&http, &msisdn).await;
    assert_eq!(result(&left), (&json!("HELD"), &Value::Null, &json!(false)), "GSIM did not answer: {left:?}");
    let settled = settle(&http, &msisdn).await;
    assert_eq!(result(&settled), (&json!("ASSIGNED"), &Value::Null, &json!(true)), "{settled:?}");
    assert_eq!(settled.body["number"]["status"], "IN_USE");
}

async fn an_ended_line_is_told_at_once(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let http = lines.server.http();
    let sim = oss_tests::sims::esim(&http).await;
    let msisdn = sim["msisdn"].as_str().expect("a number");
    lines.gsim.next(GsimCall::Cancel, GsimFault::FailBefore);
    assert_eq!(end(&http, msisdn).await.status, 204);
    let untold = "select count(*) from sim_order where state = 'RELEASING' and last_error is not null";
    database.wait_for_count(untold, 1).await;
    database.execute(&format!("update sim_order set due_at = {}", in_an_hour(&database))).await;
    let settled = settle(&http, msisdn).await;
    assert_eq!(result(&settled), (&json!("RELEASED"), &Value::Null, &json!(true)), "{settled:?}");
    lines.wait_until_held(0, 0).await;
}

async fn a_number_is_settled_for_its_brand_alone(database: Database) {
    let mut clients = ClientsFile::new();
    let [own, other] = ["acme", "other"].map(|brand| clients.admit(brand, brand, &Scope::ALL));
    let blind = clients.admit("blind", "acme", &[Scope::Operations]);
    let (server, sigan) = Server::for_clients(&database, &clients, &[]).await;
    let [own, other, blind] = [own, other, blind].map(|key| server.http().with_key(&key));
    let msisdn = in_doubt(&own, &sigan, Fault::LoseAnswer).await;
    assert_eq!(problem(&settle(&other, &msisdn).await), (404, "unknown-number"));
    assert_eq!(problem(&settle(&blind, &msisdn).await), (403, "forbidden"), "it would see the number");
    assert_eq!(sigan.calls(CallKind::Holder), 0);
    // A brand other than the configured one learns what became of an attempt that Sigan did not grant.
    let refused = in_doubt(&other, &sigan, Fault::FailBefore).await;
    let settled = settle(&other, &refused).await;
    assert_eq!(result(&settled), (&json!("REJECTED"), &Value::Null, &json!(true)), "{settled:?}");
    assert_eq!(other.get(&format!("/numbers/{refused}/history")).await.status, 200);
    assert_eq!(problem(&settle(&own, &refused).await), (404, "unknown-number"));
    eventually(async || {
        let settled = settle(&own, &msisdn).await;
        if settled.status == 200 { Ok(()) } else { Err(format!("{settled:?}")) }
    })
    .await;
}

//! The audit over HTTP, on both databases.

use std::time::Duration;

use oss_core::access::Scope;
use oss_core::sigan::mock::Behaviour;
use oss_tests::backend::Database;
use oss_tests::clients::ClientsFile;
use oss_tests::http::Http;
use oss_tests::server::Server;
use reqwest::Method;
use serde_json::{Value, json};

oss_tests::on_both!(
    an_audit_comes_as_lines,
    an_audit_settles_what_is_safe,
    an_audit_that_fails_says_so,
    one_audit_runs_at_a_time,
    an_audit_is_for_operators,
    an_audit_needs_no_body,
    an_audit_ends_if_its_caller_leaves,
    an_audit_ends_with_its_server,
);

async fn audit(http: &Http, body: Value) -> Vec<Value> {
    let request = http.request(Method::POST, "/audits").json(&body);
    let response = request.send().await.expect("the server answers");
    assert_eq!(
        (response.status(), &response.headers()["content-type"]),
        (reqwest::StatusCode::OK, &"application/x-ndjson".parse().unwrap())
    );
    let text = response.text().await.expect("the audit ends");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

async fn reserved(http: &Http) -> String {
    let answer = http.post("/reservations", json!({ "areaCode": "11" })).await;
    answer.body["msisdn"].as_str().expect("a number").to_owned()
}

/// Makes a hold of Sigan unknown here.
async fn forget(database: &Database, msisdn: &str) {
    for table in ["reservation", "phone_number"] {
        database.execute(&format!("delete from {table} where msisdn = '{msisdn}'")).await;
    }
}

async fn an_audit_comes_as_lines(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let (kept, forgotten) = (reserved(&http).await, reserved(&http).await);
    let clean = audit(&http, json!({})).await;
    let last = clean.last().unwrap();
    assert_eq!((&last["report"]["listed"], &last["clean"]), (&json!(2), &json!(true)), "{clean:?}");
    forget(&database, &forgotten).await;
    let young = audit(&http, json!({})).await;
    assert_eq!(young.last().unwrap()["report"]["unsettled"], 1, "it is young: {young:?}");
    let lines = audit(&http, json!({ "minAgeSeconds": 0 })).await;
    assert_eq!(lines[0], json!({ "brand": "acme" }));
    let differences: Vec<&Value> = lines.iter().filter_map(|line| line.get("difference")).collect();
    let [difference] = differences[..] else { panic!("{lines:?}") };
    assert_eq!((&difference["msisdn"], &difference["kind"]), (&json!(forgotten), &json!("unknown-here")));
    assert_eq!(difference["outcome"], "reported");
    assert!(lines.iter().any(|line| line["progress"]["listed"] == 2), "{lines:?}");
    let last = lines.last().unwrap();
    assert_eq!((&last["report"]["unknownHere"], &last["clean"]), (&json!(1), &json!(false)));
    assert_eq!(http.get(&format!("/numbers/{kept}")).await.body["status"], "RESERVED");
}

async fn an_audit_settles_what_is_safe(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let forgotten = reserved(&http).await;
    forget(&database, &forgotten).await;
    let lines = audit(&http, json!({ "fix": true, "minAgeSeconds": 0 })).await;
    assert_eq!(lines.last().unwrap()["report"]["fixed"], 1, "{lines:?}");
    assert_eq!(sigan.inventory().reserved().len(), 0);
    let again = audit(&http, json!({ "minAgeSeconds": 0 })).await;
    assert_eq!(again.last().unwrap()["clean"], true, "{again:?}");
}

async fn an_audit_that_fails_says_so(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[("OSS_SIGAN_TIMEOUT", "1500ms")]).await;
    sigan.behave(Behaviour { fail_rate: 1.0, ..Behaviour::default() });
    let lines = audit(&server.http(), json!({})).await;
    let last = lines.last().unwrap();
    assert!(
        last["problem"]["type"].as_str().is_some_and(|kind| kind.starts_with("urn:oss:problem:sigan-")),
        "{lines:?}"
    );
}

async fn one_audit_runs_at_a_time(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    reserved(&http).await;
    sigan.behave(Behaviour { latency: Duration::from_secs(2), ..Behaviour::default() });
    let first = tokio::spawn({
        let http = http.clone();
        async move { audit(&http, json!({})).await }
    });
    oss_tests::sigan::wait_until_called(&sigan, oss_core::sigan::mock::CallKind::Holds, 1).await;
    let second = http.post("/audits", json!({})).await;
    assert_eq!((second.status, &second.body["type"]), (409, &json!("urn:oss:problem:audit-in-flight")));
    assert!(first.await.unwrap().last().unwrap().get("report").is_some());
    sigan.behave(Behaviour::default());
    assert!(audit(&http, json!({})).await.last().unwrap().get("report").is_some(), "the next one may run");
}

async fn an_audit_ends_if_its_caller_leaves(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[("OSS_SIGAN_TIMEOUT", "2m")]).await;
    let http = server.http();
    // The audit would wait for Sigan for longer than this test does.
    sigan.behave(Behaviour { latency: Duration::from_mins(2), ..Behaviour::default() });
    let response = http.request(Method::POST, "/audits").json(&json!({})).send().await.unwrap();
    oss_tests::sigan::wait_until_called(&sigan, oss_core::sigan::mock::CallKind::Holds, 1).await;
    drop(response);
    sigan.behave(Behaviour::default());
    oss_tests::eventually::eventually(async || {
        let answer = http.request(Method::POST, "/audits").json(&json!({})).send().await.unwrap();
        if answer.status() == 200 { Ok(()) } else { Err(answer.status().to_string()) }
    })
    .await;
}

async fn an_audit_needs_no_body(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let answer = http.send(http.request(Method::POST, "/audits")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.as_str().is_some_and(|lines| lines.contains("\"clean\":true")), "{answer:?}");
    let wrong = http.send(http.request(Method::POST, "/audits").body("{}")).await;
    assert_eq!(wrong.status, 415, "a body has to say what it is");
    let needed = http.send(http.request(Method::POST, "/previews")).await;
    assert_eq!(needed.status, 415, "a preview needs a body");
}

async fn an_audit_ends_with_its_server(database: Database) {
    let (mut server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    reserved(&http).await;
    sigan.behave(Behaviour { latency: Duration::from_mins(1), ..Behaviour::default() });
    let running = tokio::spawn(async move { audit(&http, json!({})).await });
    oss_tests::sigan::wait_until_called(&sigan, oss_core::sigan::mock::CallKind::Holds, 1).await;
    server.terminate();
    let lines = running.await.unwrap();
    let last = lines.last().unwrap();
    assert_eq!(last["problem"]["type"], "urn:oss:problem:not-ready", "{lines:?}");
    assert!(last["problem"]["detail"].as_str().is_some_and(|text| text.contains("incomplete")), "{lines:?}");
    assert!(lines.iter().all(|line| line.get("report").is_none()), "{lines:?}");
    assert!(server.wait_until_ended().await.success());
}

async fn an_audit_is_for_operators(database: Database) {
    let mut clients = ClientsFile::new();
    let own = clients.admit("own", "acme", &[Scope::NumbersReserve, Scope::NumbersRead]);
    let operator = clients.admit("operator", "other", &[Scope::Operations]);
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let (own, operator) = (server.http().with_key(&own), server.http().with_key(&operator));
    reserved(&own).await;
    assert_eq!(own.post("/audits", json!({})).await.status, 403);
    let lines = audit(&operator, json!({ "minAgeSeconds": 0 })).await;
    assert_eq!(lines[0], json!({ "brand": "other" }), "an operator audits the brand of its key");
    assert_eq!(lines.last().unwrap()["report"]["listed"], 0);
    let wrong = operator.post("/audits", json!({ "fix": "yes", "minAgeSeconds": -1 })).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(wrong.body["errors"].as_array().unwrap().len(), 2, "{wrong:?}");
}

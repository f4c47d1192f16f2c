//! Releases of many numbers over HTTP, on both databases.

use oss_core::access::Scope;
use oss_core::gsim::mock::{CallKind, Fault};
use oss_core::sigan::mock::Inventory;
use oss_tests::backend::Database;
use oss_tests::clients::ClientsFile;
use oss_tests::http::Http;
use oss_tests::server::Server;
use oss_tests::sigan::Sigan;
use oss_tests::sims::{Lines, device, line, order};
use serde_json::{Value, json};

oss_tests::on_both!(
    each_number_has_a_result,
    a_dry_run_changes_nothing,
    the_numbers_of_a_list_are_released,
    a_list_of_what_is_over_releases_nobody_elses_number,
    a_request_that_cannot_be_read_releases_nothing,
    a_client_releases_the_numbers_of_its_brand,
    a_result_says_when_to_try_again,
);

async fn reserved(http: &Http) -> String {
    let answer = http.post("/reservations", json!({ "areaCode": "11" })).await;
    answer.body["msisdn"].as_str().expect("a number").to_owned()
}

async fn status(http: &Http, msisdn: &str) -> Value {
    http.get(&format!("/numbers/{msisdn}")).await.body["status"].take()
}

fn outcomes(body: &Value) -> Vec<&str> {
    body["results"].as_array().expect("results").iter().map(|one| one["outcome"].as_str().unwrap()).collect()
}

async fn each_number_has_a_result(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let (first, line, second) = (reserved(&http).await, reserved(&http).await, reserved(&http).await);
    let sim = database.add_sim().await;
    http.put_json(&format!("/reservations/{line}/assignment"), json!({ "simId": sim })).await;
    http.delete(&format!("/reservations/{second}")).await;
    let numbers = json!([first, line, second, "11999959999"]);
    let released = http.post("/releases", json!({ "msisdns": numbers })).await;
    assert_eq!((released.status, &released.body["dryRun"]), (200, &json!(false)), "{released:?}");
    assert_eq!(outcomes(&released.body), ["released", "refused", "already-released", "unknown"]);
    let results = &released.body["results"];
    assert_eq!(results[1]["problem"]["type"], "urn:oss:problem:number-state");
    assert_eq!(results[3]["problem"]["type"], "urn:oss:problem:unknown-number");
    assert_eq!((&results[0]["msisdn"], &results[0]["problem"]), (&json!(first), &Value::Null));
    let detail = results[1]["problem"]["detail"].as_str().unwrap();
    assert!(detail.contains("9****-") && !detail.contains(&line), "{detail}");
    assert_eq!(status(&http, &first).await, "RETURNED");
    oss_tests::eventually::eventually(async || {
        let held = sigan.inventory().reserved().len();
        if held == 1 { Ok(()) } else { Err(format!("Sigan holds {held} numbers")) }
    })
    .await;
}

async fn a_list_of_what_is_over_releases_nobody_elses_number(database: Database) {
    let sigan = Sigan::start(Inventory::new("PR").with_numbers_per_ddd(1)).await;
    let server = Server::start(&database, &sigan.url(), &[]);
    let http = server.http();
    let first = reserved(&http).await;
    assert_eq!(http.delete(&format!("/reservations/{first}")).await.status, 204);
    database.wait_for_count("select count(*) from reservation where state = 'RELEASED'", 1).await;
    assert_eq!(reserved(&http).await, first, "another customer has the only number now");

    let released = http.post("/releases", json!({ "filter": { "state": "RELEASED" } })).await;
    assert_eq!(outcomes(&released.body), ["already-released"], "{released:?}");
    assert_eq!(status(&http, &first).await, "RESERVED");
    assert_eq!(sigan.inventory().reserved().len(), 1);
}

async fn a_dry_run_changes_nothing(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let msisdn = reserved(&http).await;
    for body in [json!({ "msisdns": [msisdn] }), json!({ "filter": { "status": "RESERVED" } })] {
        let mut body = body;
        body["dryRun"] = true.into();
        let tried = http.post("/releases", body).await;
        assert_eq!((tried.status, &tried.body["dryRun"]), (200, &json!(true)), "{tried:?}");
        assert_eq!(outcomes(&tried.body), ["released"]);
        assert_eq!(status(&http, &msisdn).await, "RESERVED");
    }
}

async fn the_numbers_of_a_list_are_released(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let mut numbers = Vec::new();
    for _ in 0..5 {
        numbers.push(reserved(&http).await);
    }
    let first =
        http.post("/releases", json!({ "filter": { "state": "HELD", "ddd": "11", "limit": "3" } })).await;
    assert_eq!(outcomes(&first.body), ["released"; 3], "{first:?}");
    let filter = json!({ "state": "HELD", "ddd": "11", "limit": "3", "after": first.body["next"] });
    let rest = http.post("/releases", json!({ "filter": filter })).await;
    assert_eq!((outcomes(&rest.body).len(), &rest.body["next"]), (2, &Value::Null));
    for number in &numbers {
        assert_eq!(status(&http, number).await, "RETURNED");
    }
}

async fn a_request_that_cannot_be_read_releases_nothing(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    // The first number is the example in the text of a fault.
    let (_, msisdn) = (reserved(&http).await, reserved(&http).await);
    let many: Vec<String> = (0..1001).map(|n| format!("119999{n:05}")).collect();
    for (body, field) in [
        (json!({}), "msisdns"),
        (json!({ "msisdns": [msisdn], "filter": {} }), "msisdns"),
        (json!({ "msisdns": [msisdn, "1"] }), "msisdns"),
        (json!({ "msisdns": [msisdn, 1] }), "msisdns"),
        (json!({ "msisdns": msisdn }), "msisdns"),
        (json!({ "msisdns": many }), "msisdns"),
        (json!({ "msisdns": null }), "msisdns"),
        (json!({ "filter": null }), "filter"),
        (json!({ "msisdns": [msisdn], "filter": null }), "filter"),
        (json!({ "msisdns": null, "filter": { "status": "RESERVED" } }), "msisdns"),
        (json!({ "msisdns": [msisdn], "dryRun": null }), "dryRun"),
        (json!({ "msisdns": [msisdn], "dryRun": "yes" }), "dryRun"),
        (json!({ "filter": { "status": "RESERVED", "state": "HELD" } }), "status"),
        (json!({ "filter": { "owner": "me" } }), "owner"),
    ] {
        let refused = http.post("/releases", body.clone()).await;
        assert_eq!((refused.status, &refused.body["field"]), (400, &json!(field)), "{body}: {refused:?}");
        assert!(!refused.body.to_string().contains(&msisdn), "{refused:?}");
    }
    let second = http.post("/releases", json!({ "msisdns": [msisdn, "1"] })).await;
    assert!(second.body["detail"].as_str().unwrap().contains("position 2"), "{second:?}");
    let most = http.post("/releases", json!({ "msisdns": many })).await;
    assert!(most.body["detail"].as_str().unwrap().contains("1000"), "{most:?}");
    assert_eq!(status(&http, &msisdn).await, "RESERVED");
    let whole = http.post("/releases", json!({ "msisdns": many[..1000] })).await;
    assert_eq!((whole.status, outcomes(&whole.body).len()), (200, 1000));
}

async fn a_result_says_when_to_try_again(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let http = lines.server.http();
    let (msisdn, device) = (reserved(&http).await, device(&http).await);
    lines.gsim.next(CallKind::OrderEsim, Fault::LoseAnswer);
    assert_eq!(order(&http, &msisdn, &line(), &device).await.status, 504);
    let refused = http.post("/releases", json!({ "msisdns": [msisdn] })).await;
    let problem = &refused.body["results"][0]["problem"];
    assert_eq!(problem["type"], "urn:oss:problem:order-in-flight", "{refused:?}");
    assert_eq!(problem["retryAfterSeconds"], 2, "{refused:?}");
}

async fn a_client_releases_the_numbers_of_its_brand(database: Database) {
    let mut clients = ClientsFile::new();
    let [own, other] = ["acme", "other"].map(|brand| clients.admit(brand, brand, &Scope::ALL));
    let blind = clients.admit("blind", "acme", &[Scope::NumbersRelease]);
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let with_key = |key: &str| server.http().with_key(key);
    let (own, other, blind) = (with_key(&own), with_key(&other), with_key(&blind));
    let (mine, theirs) = (reserved(&own).await, reserved(&other).await);
    let released = other.post("/releases", json!({ "msisdns": [mine] })).await;
    assert_eq!(outcomes(&released.body), ["unknown"]);
    let all = json!({ "filter": { "status": "RESERVED" } });
    let refused = blind.post("/releases", all.clone()).await;
    assert_eq!(refused.status, 403, "a list would show numbers to a client that may not see them");
    assert_eq!(outcomes(&other.post("/releases", all).await.body), ["released"]);
    assert_eq!(
        (status(&own, &mine).await, status(&other, &theirs).await),
        (json!("RESERVED"), json!("RETURNED"))
    );
    assert_eq!(outcomes(&blind.post("/releases", json!({ "msisdns": [mine] })).await.body), ["released"]);
}

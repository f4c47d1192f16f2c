//! When previews and holds end, and how a hold is extended, over HTTP, on both databases.

use chrono::{DateTime, Duration, Utc};
use oss_core::access::Scope;
use oss_tests::backend::Database;
use oss_tests::clients::ClientsFile;
use oss_tests::eventually::eventually;
use oss_tests::http::{Answer, Http};
use oss_tests::server::Server;
use reqwest::Method;
use serde_json::{Value, json};

oss_tests::on_both!(
    every_answer_says_when_it_ends,
    a_hold_is_extended_up_to_its_longest_time,
    only_a_held_number_is_extended,
    a_hold_is_extended_by_its_brand_alone,
);

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value} is no time"))
}

async fn extend(http: &Http, msisdn: &str) -> Answer {
    http.send(http.request(Method::POST, &format!("/reservations/{msisdn}/extension"))).await
}

/// The latest hold of a number.
async fn hold(http: &Http, msisdn: &str) -> Value {
    http.get(&format!("/numbers/{msisdn}")).await.body["history"][0].take()
}

async fn reserved(http: &Http) -> String {
    let answer = http.post("/reservations", json!({ "areaCode": "11" })).await;
    answer.body["msisdn"].as_str().expect("a number").to_owned()
}

async fn every_answer_says_when_it_ends(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_PREVIEW_TTL", "10m")]).await;
    let http = server.http();
    let keyed = || async {
        let request = http.request(Method::POST, "/previews").header("Idempotency-Key", "k");
        http.send(request.json(&json!({ "areaCode": "11" }))).await
    };
    let preview = keyed().await;
    assert_eq!(keyed().await, preview, "a repeat says the same");
    let ends_at = time(&preview.body["expiresAt"]);
    let held = http.reserve(preview.body["id"].as_str().unwrap(), 1).await;
    let shown = hold(&http, "11999950001").await;
    assert_eq!(held.body, json!({ "msisdn": "11999950001", "expiresAt": shown["holdExpiresAt"] }));
    let apart = time(&held.body["expiresAt"]) - ends_at;
    assert!(apart > Duration::hours(23) && apart < Duration::hours(25), "10 minutes and 24 hours: {apart}");

    let random = http.post("/reservations", json!({ "areaCode": "21" })).await;
    assert_eq!(random.body["expiresAt"], hold(&http, "21999950001").await["holdExpiresAt"]);
    let sim = database.add_sim().await;
    http.put_json("/reservations/11999950001/assignment", json!({ "simId": sim })).await;
    let on_line = http.reserve(preview.body["id"].as_str().unwrap(), 1).await;
    assert_eq!(on_line.body, json!({ "msisdn": "11999950001", "expiresAt": null }), "it does not expire");
}

async fn a_hold_is_extended_up_to_its_longest_time(database: Database) {
    // The second server holds numbers for longer.
    let first = [("OSS_RESERVATION_TTL", "1h"), ("OSS_RESERVATION_MAX_TTL", "10h")];
    let second = [("OSS_RESERVATION_TTL", "24h"), ("OSS_RESERVATION_MAX_TTL", "10h")];
    let (server, sigan) = Server::with_sigan(&database, &first).await;
    let (longer, _sigan) = Server::with_sigan(&database, &second).await;
    let msisdn = reserved(&server.http()).await;
    let before = hold(&server.http(), &msisdn).await;
    let extended = extend(&server.http(), &msisdn).await;
    assert_eq!((extended.status, &extended.body["msisdn"]), (200, &json!(msisdn)), "{extended:?}");
    assert!(time(&extended.body["expiresAt"]) > time(&before["holdExpiresAt"]));

    let most = extend(&longer.http(), &msisdn).await;
    assert_eq!(time(&most.body["expiresAt"]), time(&before["createdAt"]) + Duration::hours(10));
    assert_eq!(extend(&longer.http(), &msisdn).await, most, "repeated, the same");
    assert_eq!(extend(&server.http(), &msisdn).await, most, "it is never shortened");
    let after = hold(&server.http(), &msisdn).await;
    assert_eq!((&after["holdExpiresAt"], &after["state"]), (&most.body["expiresAt"], &json!("HELD")));
    assert_eq!(sigan.inventory().reserved().len(), 1, "Sigan holds it as before");
}

async fn only_a_held_number_is_extended(database: Database) {
    let settings = [("OSS_RESERVATION_TTL", "2s"), ("OSS_SWEEP_INTERVAL", "1s")];
    let (server, _sigan) = Server::with_sigan(&database, &settings).await;
    let http = &server.http();
    let (line, kept, left) = (reserved(http).await, reserved(http).await, reserved(http).await);
    let sim = database.add_sim().await;
    http.put_json(&format!("/reservations/{line}/assignment"), json!({ "simId": sim })).await;
    let refused = |answer: Answer| (answer.status, answer.body["type"].as_str().unwrap().to_owned());
    let state = (409, "urn:oss:problem:number-state".to_owned());
    assert_eq!(refused(extend(http, &line).await), state);
    assert_eq!(
        refused(extend(http, "11999959999").await),
        (404, "urn:oss:problem:unknown-number".to_owned())
    );
    assert_eq!(extend(http, "nonsense").await.status, 400);

    // A number that is extended again and again outlives one that is not.
    eventually(async || {
        assert_eq!(extend(http, &kept).await.status, 200);
        let shown = http.get(&format!("/numbers/{left}")).await;
        if shown.body["status"] == "RETURNED" { Ok(()) } else { Err(format!("{shown:?}")) }
    })
    .await;
    assert_eq!(refused(extend(http, &left).await), state);
    assert_eq!(hold(http, &kept).await["state"], "HELD");
}

async fn a_hold_is_extended_by_its_brand_alone(database: Database) {
    let mut clients = ClientsFile::new();
    let own = clients.admit("own", "acme", &Scope::ALL);
    let other = clients.admit("other", "other", &Scope::ALL);
    let reader = clients.admit("reader", "acme", &[Scope::NumbersRead, Scope::NumbersRelease]);
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let with_key = |key: &str| server.http().with_key(key);
    let msisdn = reserved(&with_key(&own)).await;
    assert_eq!(extend(&with_key(&other), &msisdn).await.status, 404);
    assert_eq!(extend(&with_key(&reader), &msisdn).await.status, 403);
    assert_eq!(extend(&with_key(&own), &msisdn).await.status, 200);
}

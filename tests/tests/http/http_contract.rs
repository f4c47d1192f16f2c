//! The contract of every route, over HTTP, on both databases.

use oss_tests::backend::Database;
use oss_tests::eventually::eventually;
use oss_tests::http::{Answer, Http};
use oss_tests::server::Server;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

oss_tests::on_both!(
    a_number_lives_its_life,
    a_preview_replaces_another,
    a_random_number_is_reserved,
    a_preview_gives_one_number,
    an_expired_preview_is_gone,
    an_unknown_name_gets_404_or_422,
    bad_input_names_its_field_and_changes_nothing,
    the_frame_answers_with_problems_too,
    the_server_reports_its_health,
);

async fn status_of(http: &Http, msisdn: &str) -> (Value, Value) {
    let number = http.get(&format!("/numbers/{msisdn}")).await;
    assert_eq!(number.status, 200, "{number:?}");
    (number.body["status"].clone(), number.body["history"][0]["state"].clone())
}

async fn a_number_lives_its_life(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let created = http.post("/previews", json!({ "areaCode": "11" })).await;
    assert_eq!(created.status, 201);
    let id = created.body["id"].as_str().unwrap().to_owned();
    let offers = json!([
        { "preview": "(11) 9****-0001", "index": 1 },
        { "preview": "(11) 9****-0002", "index": 2 },
        { "preview": "(11) 9****-0003", "index": 3 },
    ]);
    let expires_at = created.body["expiresAt"].clone();
    let fields = json!({ "id": id, "msisdns": offers, "expiresAt": expires_at });
    assert_eq!(created.body, fields, "these fields and no others");

    let reserved = http.reserve(&id, 2).await;
    assert_eq!((reserved.status, &reserved.body["msisdn"]), (200, &json!("11999950002")));
    assert_eq!(http.reserve(&id, 2).await, reserved, "a repeated PUT gives the same number");
    assert_eq!(sigan.inventory().reserved().len(), 1);
    assert_eq!(status_of(&http, "11999950002").await, (json!("RESERVED"), json!("HELD")));

    let sim = database.add_sim().await;
    let assignment = "/reservations/11999950002/assignment";
    assert_eq!(http.put_json(assignment, json!({ "simId": sim })).await.status, 204);
    assert_eq!(http.put_json(assignment, json!({ "simId": sim })).await.status, 204, "again, the same SIM");
    assert_eq!(http.put_json(assignment, json!({ "simId": Uuid::now_v7() })).await.status, 409);
    assert_eq!(status_of(&http, "11999950002").await, (json!("IN_USE"), json!("ASSIGNED")));
    let in_use = http.delete("/reservations/11999950002").await;
    assert_eq!((in_use.status, &in_use.body["type"]), (409, &json!("urn:oss:problem:number-state")));

    let other = http.preview().await;
    assert_eq!(http.reserve(&other, 1).await.body["msisdn"], "11999950004");
    assert_eq!(
        http.delete("/reservations/%2B55%20(11)%2099995-0004").await.status,
        204,
        "as people write it"
    );
    assert_eq!(http.delete("/reservations/11999950004").await.status, 204, "again");
    let released = http.reserve(&other, 1).await;
    assert_eq!((released.status, &released.body["type"]), (409, &json!("urn:oss:problem:preview-used")));
    settled(&http, "11999950004", "RELEASED").await;
    assert_eq!(sigan.inventory().reserved().len(), 1, "only the number in use is held there");

    let random = http.post("/reservations", json!({ "areaCode": "11" })).await;
    let other = random.body["msisdn"].as_str().expect("a number").to_owned();
    let second = http.put_json(&format!("/reservations/{other}/assignment"), json!({ "simId": sim })).await;
    assert_eq!((second.status, &second.body["type"]), (409, &json!("urn:oss:problem:sim-has-number")));
    let detail = second.body["detail"].as_str().expect("a text");
    assert!(detail.contains("number (11) 9****-0002;"), "the other number is named, masked: {detail}");
}

/// Waits until the latest hold of a number has a state, because releases are sent to Sigan in the background.
async fn settled(http: &Http, msisdn: &str, state: &str) {
    eventually(async || {
        let (_, latest) = status_of(http, msisdn).await;
        if latest == state { Ok(()) } else { Err(format!("the latest hold is {latest} and not {state}")) }
    })
    .await;
}

async fn a_preview_replaces_another(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let first = http.preview().await;
    let second = http.post("/previews", json!({ "areaCode": "11", "previousId": first })).await;
    assert_eq!(second.status, 201);
    assert_eq!(http.reserve(&first, 1).await.status, 410, "its numbers are free again");
    let second = second.body["id"].as_str().unwrap().to_owned();
    assert_eq!(http.reserve(&second, 1).await.status, 200);
    let used = http.post("/previews", json!({ "areaCode": "11", "previousId": second })).await;
    assert_eq!((used.status, &used.body["type"]), (409, &json!("urn:oss:problem:preview-used")));
    let unknown = http.post("/previews", json!({ "areaCode": "11", "previousId": Uuid::now_v7() })).await;
    assert_eq!((unknown.status, &unknown.body["field"]), (422, &json!("previousId")));
    let none = http.post("/previews", json!({ "areaCode": "11", "previousId": null })).await;
    assert_eq!(none.status, 201, "null is none");
}

async fn a_random_number_is_reserved(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let reserved = http.post("/reservations", json!({ "areaCode": "21" })).await;
    assert_eq!((reserved.status, &reserved.body["msisdn"]), (201, &json!("21999950001")));
    assert_eq!(sigan.inventory().reserved().len(), 1);
    let next = http.post("/reservations", json!({ "areaCode": "21" })).await;
    assert_eq!(next.body["msisdn"], json!("21999950002"), "never the same twice");
    let number = http.get("/numbers/21999950001").await;
    assert_eq!(number.body["history"][0]["previewId"], Value::Null);
    assert_eq!(database.count("select count(*) from preview").await, 0);
}

async fn a_preview_gives_one_number(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let preview = http.preview().await;
    assert_eq!(http.reserve(&preview, 1).await.status, 200);
    let other = http.reserve(&preview, 2).await;
    assert_eq!((other.status, other.retry_after), (409, None));
    assert_eq!(database.count("select count(*) from reservation").await, 1);
}

async fn an_expired_preview_is_gone(database: Database) {
    let (server, sigan) =
        Server::with_sigan(&database, &[("OSS_PREVIEW_TTL", "3s"), ("OSS_SIGAN_TIMEOUT", "2s")]).await;
    let http = server.http();
    let (used, unused) = (http.preview().await, http.preview().await);
    let reserved = http.reserve(&used, 1).await;
    assert_eq!(reserved.status, 200);
    for preview in [&used, &unused] {
        let id = database.uuid_literal(preview.parse().unwrap());
        let past = if database.url().starts_with("postgres") { "now() - interval '1 second'" } else { "1" };
        database.execute(&format!("update preview set expires_at = {past} where id = {id}")).await;
    }
    assert_eq!(http.reserve(&used, 1).await, reserved, "the number it gave, also now");
    let gone = http.reserve(&unused, 1).await;
    assert_eq!((gone.status, &gone.body["type"]), (410, &json!("urn:oss:problem:preview-expired")));
    assert!(
        gone.body["detail"].as_str().is_some_and(|text| text.contains("expired or was replaced")),
        "{gone:?}"
    );
    assert_eq!(sigan.inventory().reserved().len(), 1);
}

async fn an_unknown_name_gets_404_or_422(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let (http, preview) = (server.http(), server.http().preview().await);
    let cases = [
        (http.reserve(&Uuid::now_v7().to_string(), 1).await, 404, "previewId"),
        (http.put(&format!("/previews/{preview}/reservations/9")).await, 404, "index"),
        (http.put(&format!("/previews/{preview}/reservations/0")).await, 404, "index"),
        (http.put(&format!("/previews/{preview}/reservations/-1")).await, 404, "index"),
        (http.delete("/reservations/11999990000").await, 404, "msisdn"),
        (http.get("/numbers/11999990000").await, 404, "msisdn"),
        (
            http.put_json("/reservations/11999990000/assignment", json!({ "simId": Uuid::now_v7() })).await,
            404,
            "msisdn",
        ),
        (http.get("/ddds/23").await, 404, "ddd"),
        (http.get("/ddds/20").await, 404, "ddd"),
        (http.get("/ddds/00").await, 404, "ddd"),
        (http.post("/previews", json!({ "areaCode": "00" })).await, 422, "areaCode"),
        (http.post("/previews", json!({ "areaCode": "23" })).await, 422, "areaCode"),
        (http.post("/reservations", json!({ "areaCode": "23" })).await, 422, "areaCode"),
    ];
    for (answer, status, field) in cases {
        assert_eq!((answer.status, &answer.body["field"]), (status, &json!(field)), "{answer:?}");
    }
    assert_eq!(http.get("/ddds/11").await.status, 204);
}

async fn bad_input_names_its_field_and_changes_nothing(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let preview = http.preview().await;
    let before = everything(&database).await;
    let put = |path: &str| http.request(Method::PUT, path);
    let post = |path: &str, body: &str| {
        http.request(Method::POST, path).header("content-type", "application/json").body(body.to_owned())
    };
    let cases = [
        (http.request(Method::GET, "/ddds/1"), 400, "ddd"),
        (http.request(Method::GET, "/ddds/ab"), 400, "ddd"),
        (http.request(Method::GET, "/ddds/%FF"), 400, "ddd"),
        (http.request(Method::DELETE, "/reservations/1199995000"), 400, "msisdn"),
        (http.request(Method::DELETE, "/reservations/letters"), 400, "msisdn"),
        (http.request(Method::DELETE, "/reservations/%C3%28"), 400, "msisdn"),
        (http.request(Method::GET, "/numbers/10999950001"), 400, "msisdn"),
        (put(&format!("/previews/{preview}/reservations/one")), 400, "index"),
        (put("/previews/nonsense/reservations/1"), 400, "previewId"),
        (post("/previews", r#"{"areaCode":"0"}"#), 400, "areaCode"),
        (post("/previews", r#"{"areaCode":11}"#), 400, "areaCode"),
        (post("/previews", r#"{"areaCode":null}"#), 400, "areaCode"),
        (post("/previews", r#"{"areaCode":["11"]}"#), 400, "areaCode"),
        (post("/previews", "{}"), 400, "areaCode"),
        (post("/previews", r#"{"areaCode":"11","previousId":"x"}"#), 400, "previousId"),
        (post("/previews", r#"{"areaCode":"11","previousId":7}"#), 400, "previousId"),
        (post("/previews", r#"{"areaCode":"11","colour":"red"}"#), 400, "colour"),
        (post("/previews", r#"{"areaCode":"11","areaCode":"11"}"#), 400, "areaCode"),
        (post("/reservations", r#"{"areaCode":"11","index":1}"#), 400, "index"),
        (post("/reservations", r#"{"areaCode":"1"}"#), 400, "areaCode"),
        (put("/reservations/11999950001/assignment").json(&json!({ "simId": "x" })), 400, "simId"),
        (put("/reservations/11999950001/assignment").json(&json!({})), 400, "simId"),
        (put("/reservations/1/assignment").json(&json!({ "simId": Uuid::now_v7() })), 400, "msisdn"),
    ];
    for (request, status, field) in cases {
        let answer = http.send(request).await;
        assert_eq!((answer.status, &answer.body["field"]), (status, &json!(field)), "{answer:?}");
        assert!(answer.body["errors"][0]["expected"].is_string(), "{answer:?}");
    }
    let both = http.send(post("/previews", r#"{"areaCode":"0","colour":"red"}"#)).await;
    assert_eq!(both.body["errors"].as_array().map(Vec::len), Some(2), "every fault at once: {both:?}");
    assert_eq!(everything(&database).await, before);
    assert_eq!(sigan.inventory().reserved(), []);
}

async fn everything(database: &Database) -> i64 {
    let tables = ["preview", "preview_number", "phone_number", "reservation"];
    let mut count = 0;
    for table in tables {
        count += database.count(&format!("select count(*) from {table}")).await;
    }
    count
}

async fn the_frame_answers_with_problems_too(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let json = |body: Vec<u8>| {
        http.request(Method::POST, "/previews").header("content-type", "application/json").body(body)
    };
    let cases = [
        (http.request(Method::GET, "/nowhere"), 404),
        (http.request(Method::GET, "/previews"), 405),
        (http.request(Method::POST, "/ddds/11"), 405),
        (http.request(Method::POST, "/previews").body(r#"{"areaCode":"11"}"#), 415),
        (http.request(Method::POST, "/previews"), 415),
        (json(br#"{"areaCode":"11"}"#.to_vec()).header("content-encoding", "gzip"), 415),
        (json(br#"{"areaCode":"11"}"#.to_vec()).header("content-encoding", "identity"), 201),
        (json("\u{feff}{\"areaCode\":\"11\"}".as_bytes().to_vec()), 201),
        (json(br#"{"areaCode":"11"}"#.to_vec()).header("idempotency-key", "k".repeat(255)), 201),
        (json(br#"{"areaCode":"11"}"#.to_vec()).header("idempotency-key", "k".repeat(256)), 400),
        (json(Vec::new()), 400),
        (json(b"{".to_vec()), 400),
        (json(b"[]".to_vec()), 400),
        (json(b"\"11\"".to_vec()), 400),
        (json(b"{\"areaCode\":\"\xff\"}".to_vec()), 400),
        (json("[".repeat(10_000).into_bytes()), 400),
        (json(vec![b' '; 1_000_000]), 413),
    ];
    for (request, status) in cases {
        let answer = http.send(request).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    // The server closes the connection if it refuses a body without reading it.
    let http = server.http();
    let ours = Uuid::now_v7();
    for (sent, kept) in [(ours.to_string(), true), ("11999950001".to_owned(), false)] {
        let response =
            http.request(Method::GET, "/ddds/11").header("x-request-id", &sent).send().await.unwrap();
        assert_eq!(response.headers()["x-request-id"] == sent.as_str(), kept);
    }
}

async fn the_server_reports_its_health(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    assert_eq!(http.get("/health/live").await.status, 200);
    assert_eq!(http.get("/health/ready").await.status, 200);
    database.execute("drop table oss_migrations").await;
    // The result of a check is reused for a second.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(http.get("/health/ready").await.status, 503);
    assert_eq!(http.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn only_the_fault_that_causes_the_others_is_reported() {
    let database = Database::sqlite().await;
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let fields = |answer: &Answer| {
        assert_eq!(answer.status, 400, "{answer:?}");
        let errors = answer.body["errors"].as_array().expect("it has faults").clone();
        errors.iter().map(|error| error["field"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let path_and_body = http.put_json("/reservations/1199995/assignment", json!({ "simId": "x" })).await;
    assert_eq!(fields(&path_and_body), ["msisdn"]);

    let malformed_name = json!({ "tac": "bad", "deviceCode": "iPhone15,2" });
    assert_eq!(fields(&http.put_json("/device-models", malformed_name).await), ["tac"]);
    let two_names = json!({ "tac": "35050556", "deviceCode": "iPhone15,2" });
    let each = ["tac", "deviceCode", "deviceModel"];
    assert_eq!(fields(&http.put_json("/device-models", two_names).await), each);
    assert_eq!(fields(&http.put_json("/device-models", json!({})).await), each);
    let unknown_name = json!({ "tac": null, "color": "red" });
    assert_eq!(
        fields(&http.put_json("/device-models", unknown_name).await),
        [&each[..], &["color"]].concat()
    );
}

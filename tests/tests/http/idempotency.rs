//! A call with an `Idempotency-Key` may be repeated: it gets the same answer and has no second effect.

use std::time::Duration;

use futures::future::join_all;
use oss_core::sigan::mock::{Behaviour, CallKind, Fault};
use oss_core::sigan::wire::RefusalCode;
use oss_tests::backend::Database;
use oss_tests::cli::run;
use oss_tests::http::{Answer, Http};
use oss_tests::process::built;
use oss_tests::server::Server;
use oss_tests::settle::settings;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

oss_tests::on_both!(
    a_repeat_has_the_same_answer,
    a_key_names_one_request,
    many_at_once_have_one_effect,
    a_malformed_key_changes_nothing,
    a_repeat_settles_a_lost_answer,
    a_key_is_spent_with_its_number,
    a_refused_attempt_frees_its_key,
    operators_have_keys_too,
    the_example_of_a_caller_repeats_until_it_knows_the_outcome,
);

const PREVIEWS: &str = "/previews";
const RESERVATIONS: &str = "/reservations";

async fn keyed(http: &Http, path: &str, key: &str, body: Value) -> Answer {
    http.send(http.request(Method::POST, path).header("idempotency-key", key).json(&body)).await
}

async fn reserve(http: &Http, key: &str) -> Answer {
    keyed(http, RESERVATIONS, key, json!({ "areaCode": "11" })).await
}

async fn rows(database: &Database) -> i64 {
    database.count("select (select count(*) from preview) + (select count(*) from reservation)").await
}

async fn a_repeat_has_the_same_answer(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    for path in [PREVIEWS, RESERVATIONS] {
        let first = keyed(&http, path, "order-4711", json!({ "areaCode": "11" })).await;
        assert_eq!(first.status, 201, "{first:?}");
        for key in ["order-4711", "\"order-4711\""] {
            assert_eq!(keyed(&http, path, key, json!({ "areaCode": "11" })).await, first, "{key}");
        }
        let other = keyed(&http, path, "order-4712", json!({ "areaCode": "11" })).await;
        assert_eq!(other.status, 201);
        assert_ne!(other.body, first.body, "another key is another call");
    }
    assert_eq!(rows(&database).await, 4);
    assert_eq!((sigan.calls(CallKind::PreReserve), sigan.calls(CallKind::Reserve)), (4, 2));
}

async fn a_key_names_one_request(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let previous = http.preview().await;
    for path in [PREVIEWS, RESERVATIONS] {
        assert_eq!(keyed(&http, path, "k", json!({ "areaCode": "11" })).await.status, 201);
    }
    let before = rows(&database).await;
    for (path, body) in [
        (PREVIEWS, json!({ "areaCode": "21" })),
        (PREVIEWS, json!({ "areaCode": "11", "previousId": previous })),
        (RESERVATIONS, json!({ "areaCode": "21" })),
    ] {
        let reused = keyed(&http, path, "k", body).await;
        assert_eq!(reused.status, 422, "{reused:?}");
        assert_eq!(reused.body["type"], "urn:oss:problem:idempotency-key-reused");
        assert_eq!(reused.body["field"], "Idempotency-Key");
    }
    assert_eq!(rows(&database).await, before);
}

async fn many_at_once_have_one_effect(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    sigan.behave(Behaviour { latency: Duration::from_millis(200), ..Behaviour::default() });
    for path in [PREVIEWS, RESERVATIONS] {
        let calls = (0..20).map(|_| keyed(&http, path, "one", json!({ "areaCode": "11" })));
        let answers = join_all(calls).await;
        let (created, others): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
        assert!(created.iter().all(|answer| answer.body == created[0].body), "{answers:?}");
        assert!(
            others.iter().all(|answer| answer.status == 409 && answer.retry_after.is_some()),
            "{others:?}"
        );
        assert_eq!(keyed(&http, path, "one", json!({ "areaCode": "11" })).await, *created[0]);
    }
    assert_eq!(rows(&database).await, 2);
    assert_eq!(sigan.calls(CallKind::Reserve), 1);
}

async fn a_malformed_key_changes_nothing(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let long = "x".repeat(256);
    for path in [PREVIEWS, RESERVATIONS] {
        let request = || http.request(Method::POST, path).json(&json!({ "areaCode": "11" }));
        let wrong = ["", "\"\"", "a b", "a\tb", long.as_str()];
        let mut requests: Vec<_> =
            wrong.iter().map(|key| request().header("idempotency-key", *key)).collect();
        requests.push(request().header("idempotency-key", "a").header("idempotency-key", "b"));
        requests.push(request().header("idempotency-key", &b"\xc3\xa3"[..]));
        for request in requests {
            let refused = http.send(request).await;
            let actual = (refused.status, &refused.body["field"]);
            assert_eq!(actual, (400, &json!("Idempotency-Key")), "{refused:?}");
        }
        assert_eq!(keyed(&http, path, &long[..255], json!({ "areaCode": "11" })).await.status, 201);
    }
    assert_eq!(rows(&database).await, 2);
    assert_eq!(sigan.calls(CallKind::PreReserve), 2, "Sigan was asked for what was well formed");
}

async fn a_repeat_settles_a_lost_answer(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[("OSS_SIGAN_TIMEOUT", "1500ms")]).await;
    let http = server.http();
    for (fault, number) in [
        (Fault::LoseAnswer, "11999950001"),
        (Fault::FailBefore, "11999950002"),
        (Fault::Slow(Duration::from_mins(1)), "11999950003"),
    ] {
        sigan.next(CallKind::Reserve, fault);
        let lost = reserve(&http, number).await;
        assert_eq!((lost.status, lost.retry_after.is_some()), (504, true), "{fault:?}");
        let again = reserve(&http, number).await;
        assert_eq!((again.status, &again.body["msisdn"]), (201, &json!(number)), "{fault:?}");
    }
    assert_eq!(database.count("select count(*) from reservation where state = 'HELD'").await, 3);
    assert_eq!(sigan.inventory().reserved().len(), 3);
    // Nobody could name a number of a lost preview, so its repeat creates a new preview.
    sigan.next(CallKind::PreReserve, Fault::LoseAnswer);
    assert_eq!(keyed(&http, PREVIEWS, "p", json!({ "areaCode": "11" })).await.status, 504);
    assert_eq!(keyed(&http, PREVIEWS, "p", json!({ "areaCode": "11" })).await.status, 201);
}

async fn a_key_is_spent_with_its_number(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let reserved = reserve(&http, "k").await;
    let msisdn = reserved.body["msisdn"].as_str().expect("a number");
    assert_eq!(http.delete(&format!("/reservations/{msisdn}")).await.status, 204);
    database.wait_for_count("select count(*) from reservation where state = 'RELEASED'", 1).await;
    let spent = reserve(&http, "k").await;
    assert_eq!((spent.status, spent.retry_after), (409, None), "{spent:?}");
    assert_eq!(spent.body["type"], "urn:oss:problem:idempotency-key-spent");
    assert_eq!(rows(&database).await, 1);
}

async fn a_refused_attempt_frees_its_key(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    sigan.next(CallKind::Reserve, Fault::Refuse(RefusalCode::Taken));
    assert_eq!(reserve(&http, "k").await.status, 502);
    sigan.next(CallKind::PreReserve, Fault::Refuse(RefusalCode::NoneLeft));
    assert_eq!(reserve(&http, "k").await.status, 409);
    let reserved = reserve(&http, "k").await;
    assert_eq!((reserved.status, &reserved.body["msisdn"]), (201, &json!("11999950002")));
    assert_eq!(reserve(&http, "k").await, reserved);
}

async fn operators_have_keys_too(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let url = sigan.url();
    let oss = |arguments: &[&str]| {
        let settings = settings(&database, url.as_str());
        run(&settings, &[&["--output", "json"], arguments].concat())
    };
    for command in ["preview", "reserve"] {
        let first = oss(&[command, "--ddd", "11", "--idempotency-key", "k"]);
        assert_eq!(first.code, 0, "{first:?}");
        assert_eq!(oss(&[command, "--ddd", "11", "--idempotency-key", "k"]).json(), first.json());
        let reused = oss(&[command, "--ddd", "21", "--idempotency-key", "k"]);
        assert_eq!(reused.code, 2, "{reused:?}");
        assert!(reused.stderr.contains("\"code\":\"idempotency-key-reused\""), "{reused:?}");
    }
    assert_eq!(rows(&database).await, 2);
    let other = reserve(&server.http(), "k").await;
    assert_eq!((other.status, &other.body["msisdn"]), (201, &json!("11999950005")), "another client's key");
}

async fn the_example_of_a_caller_repeats_until_it_knows_the_outcome(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let example = async |area_code: &str, order: &str| {
        let mut command = Command::new(built("keyed_repeat"));
        let url = format!("http://{}", server.address());
        let ended = command.env_clear().args([&url, area_code, order]).output().await.expect("it runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("what it writes is UTF-8");
        (ended.status.success(), text(ended.stdout), text(ended.stderr))
    };
    sigan.next(CallKind::Reserve, Fault::LoseAnswer);
    let (succeeded, story, errors) = example("11", "order-4711").await;
    assert!(succeeded, "{story}{errors}");
    let lines: Vec<&str> = story.lines().collect();
    let [unknown, "Reserved: 11999950001"] = lines[..] else { panic!("{story}") };
    assert!(unknown.contains("504 Gateway Timeout"), "{unknown}");

    // It starts again after a crash, and gets the same number.
    let (_, story, _) = example("11", "order-4711").await;
    assert_eq!(story, "Reserved: 11999950001\n");
    assert_eq!(rows(&database).await, 1);
    assert_eq!(sigan.inventory().reserved().len(), 1);
    assert_eq!(sigan.calls(CallKind::Reserve), 2, "the lost call and its repeat");

    let (succeeded, story, errors) = example("20", "order-4712").await;
    assert!(!succeeded && story.is_empty() && errors.contains("DDD 20 is not in use"), "{story}{errors}");
}

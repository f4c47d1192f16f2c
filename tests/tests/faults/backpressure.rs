//! Sigan is slower than the load, or down: callers are answered at once, and nothing piles up or is left behind.

use std::time::Duration;

use oss_core::sigan::mock::{Behaviour, CallKind, Inventory};
use oss_tests::backend::Database;
use oss_tests::eventually::eventually;
use oss_tests::http::{Answer, Http};
use oss_tests::process::free_port;
use oss_tests::server::Server;
use oss_tests::settle::{assert_records_agree, settle};
use oss_tests::sigan::{Sigan, wait_until_called};
use serde_json::json;
use tokio::task::JoinHandle;

oss_tests::on_both!(
    calls_beyond_the_queue_get_503,
    a_sigan_that_is_gone_is_left_alone_until_it_is_back,
    a_sigan_that_never_answers_is_left_alone_too,
);

const BUSY: &str = "urn:oss:problem:sigan-busy";

async fn random(http: &Http) -> Answer {
    http.post("/reservations", json!({ "areaCode": "11" })).await
}

fn reserve(http: &Http, preview: &str) -> JoinHandle<Answer> {
    let (http, preview) = (http.clone(), preview.to_owned());
    tokio::spawn(async move { http.reserve(&preview, 1).await })
}

/// Repeats a random reserve until the answer is of a type.
async fn random_until(http: &Http, kind: &str) -> Answer {
    loop {
        let answer = random(http).await;
        if answer.body["type"] == kind {
            return answer;
        }
        assert!([503, 504].contains(&answer.status), "{answer:?}");
    }
}

async fn calls_beyond_the_queue_get_503(database: Database) {
    let sigan = Sigan::start(Inventory::new("PR")).await;
    let server =
        Server::start(&database, &sigan.url(), &[("OSS_SIGAN_CALLS", "2"), ("OSS_SIGAN_QUEUE", "1")]);
    let http = server.http();
    let held = http.preview().await;
    let number = http.reserve(&held, 1).await;
    let mut previews = Vec::new();
    for _ in 0..10 {
        previews.push(http.preview().await);
    }
    sigan.behave(Behaviour { latency: Duration::from_secs(1), ..Behaviour::default() });
    let in_flight = [reserve(&http, &previews[0]), reserve(&http, &previews[1])];
    wait_until_called(&sigan, CallKind::Reserve, 3).await;
    let mut more: Vec<_> = previews[2..].iter().map(|preview| reserve(&http, preview)).collect();
    // One of them has a place in the queue. The others are answered while both calls are still in flight.
    let mut refused = 0;
    while refused < 7 {
        let (answer, _, rest) = futures::future::select_all(more).await;
        let answer = answer.unwrap();
        assert_eq!((answer.status, &answer.body["type"]), (503, &json!(BUSY)), "{answer:?}");
        assert!(answer.retry_after.is_some());
        (more, refused) = (rest, refused + 1);
    }
    assert!(in_flight.iter().all(|call| !call.is_finished()), "the others were answered at once");
    assert_eq!(random(&http).await.body["type"], BUSY);
    assert_eq!(http.post("/previews", json!({ "areaCode": "11" })).await.body["type"], BUSY);
    assert_eq!(http.reserve(&held, 1).await, number, "a held number is answered without Sigan");
    assert_eq!(http.get("/ddds/21").await.status, 204, "what does not need Sigan goes on");
    assert_eq!(
        http.delete(&format!("/reservations/{}", number.body["msisdn"].as_str().unwrap())).await.status,
        204
    );
    let rows = "select count(*) from reservation where state in ('PENDING', 'REJECTED')";
    assert_eq!(database.count(rows).await, 2, "a refused call left no row");

    for call in in_flight.into_iter().chain(more) {
        assert_eq!(call.await.unwrap().status, 200, "also the one that waited");
    }
    sigan.behave(Behaviour::default());
    for preview in &previews[2..] {
        assert_eq!(http.reserve(preview, 1).await.status, 200, "who comes back is served");
    }
    settle(&http, &database).await;
    assert_records_agree(&database, &sigan.url(), &sigan.inventory()).await;
}

async fn a_sigan_that_is_gone_is_left_alone_until_it_is_back(database: Database) {
    let mut sigan = Sigan::start(Inventory::new("PR")).await;
    let server = Server::start(&database, &sigan.url(), &[("OSS_SIGAN_TIMEOUT", "1500ms")]);
    let http = server.http();
    let (held, wished) = (http.preview().await, http.preview().await);
    let number = http.reserve(&held, 1).await;
    for _ in 0..2 {
        sigan.go_down().await;
        let answer = random_until(&http, BUSY).await;
        assert_eq!((answer.status, answer.retry_after.is_some()), (503, true));
        assert_eq!(http.reserve(&wished, 1).await.status, 503);
        assert_eq!(http.reserve(&held, 1).await, number, "a held number is answered without Sigan");
        assert_eq!(http.get("/health/ready").await.status, 200, "another instance would do no better");
        sigan.come_back().await;
        eventually(async || {
            let given = random(&http).await;
            if given.status == 201 { Ok(()) } else { Err(format!("{given:?}")) }
        })
        .await;
    }
    server.wait_for_log("Sigan answers again").await;
    assert_eq!(http.reserve(&wished, 1).await.status, 200);
    settle(&http, &database).await;
    assert_records_agree(&database, &sigan.url(), &sigan.inventory()).await;
}

async fn a_sigan_that_never_answers_is_left_alone_too(database: Database) {
    // It accepts connections and sends nothing, like a firewall or a stuck process.
    let port = free_port();
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
    let url = format!("http://127.0.0.1:{port}");
    let server = Server::start(&database, &url, &[("OSS_SIGAN_TIMEOUT", "1500ms")]);
    let http = server.http();
    let answers = futures::future::join_all((0..8).map(|_| random(&http))).await;
    assert!(answers.iter().all(|answer| answer.status == 504), "{answers:?}");
    assert_eq!(random(&http).await.body["type"], BUSY);
    assert_eq!(database.count("select count(*) from reservation").await, 0);
    drop(silent);
}

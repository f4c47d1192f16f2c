//! The counts that operators see.

use oss_core::access::Scope;
use oss_core::sigan::mock::Inventory;
use oss_tests::backend::Database;
use oss_tests::cli;
use oss_tests::clients::ClientsFile;
use oss_tests::eventually::eventually;
use oss_tests::http::Http;
use oss_tests::server::Server;
use oss_tests::settle::settings;
use oss_tests::sigan::Sigan;
use serde_json::{Value, json};

oss_tests::on_both!(the_counts_show_what_happened);

async fn stats(http: &Http) -> Value {
    let answer = http.get("/stats").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

async fn the_counts_show_what_happened(database: Database) {
    let sigan = Sigan::start(Inventory::new("PR").with_numbers_per_ddd(4)).await;
    let server = Server::start(&database, &sigan.url(), &[("OSS_SWEEP_INTERVAL", "1s")]);
    let http = server.http();
    let preview = http.preview().await;
    let number = http.reserve(&preview, 1).await.body["msisdn"].as_str().expect("a number").to_owned();
    assert_eq!(http.delete(&format!("/reservations/{number}")).await.status, 204);
    let random = http.post("/reservations", json!({ "areaCode": "11" })).await;
    assert_eq!(random.status, 201);
    assert_eq!(
        http.post("/previews", json!({ "areaCode": "11" })).await.status,
        409,
        "no three numbers are left"
    );

    let expected = json!([
        { "brandId": "acme", "areaCode": "11", "state": "HELD", "attempts": 1 },
        { "brandId": "acme", "areaCode": "11", "state": "RELEASED", "attempts": 1 },
    ]);
    eventually(async || {
        let stats = stats(&http).await;
        let is_there = stats["attempts"] == expected && stats["draws"][0]["noneLeft"] == 1;
        if is_there { Ok(()) } else { Err(stats) }
    })
    .await;
    let shown = stats(&http).await;
    let draws = shown["draws"].as_array().expect("a list").iter().map(|draw| draw["draws"].as_u64().unwrap());
    assert_eq!(draws.sum::<u64>(), 3, "{shown}");
    assert_eq!(shown["audits"], json!([]));
    let of = |kind: &str| {
        let changes = shown["changes"].as_array().expect("a list");
        let of_kind = changes.iter().filter(|count| count["kind"] == kind && count["brandId"] == "acme");
        of_kind.map(|count| count["changes"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((of("number.reserved"), of("number.released")), (2, 1), "{shown}");

    let url = sigan.url();
    let environment = settings(&database, &url);
    let ended = cli::run(&environment, &["audit"]);
    assert!(matches!(ended.code, 0 | 4), "{ended:?}");
    assert_eq!(stats(&http).await["audits"][0]["brandId"], "acme");
    let table = cli::run(&environment, &["stats"]);
    assert!(table.stdout.contains("RELEASED") && table.stdout.contains("number.reserved"), "{table:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_operator_sees_them() {
    let database = Database::sqlite().await;
    let mut clients = ClientsFile::new();
    let reader = clients.admit("reader", "acme", &[Scope::NumbersRead]);
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    assert_eq!(server.http().get("/stats").await.status, 401);
    assert_eq!(server.http().with_key(&reader).get("/stats").await.status, 403);
}

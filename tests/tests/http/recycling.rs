//! A number that was given back is not offered again for a while, if the settings say so.

use oss_core::sigan::mock::Inventory;
use oss_tests::backend::Database;
use oss_tests::http::{Answer, Http};
use oss_tests::metrics::Scrape;
use oss_tests::server::Server;
use oss_tests::sigan::Sigan;
use serde_json::json;

oss_tests::on_both!(
    another_number_is_offered_instead_of_one_that_was_just_given_back,
    a_preview_with_such_a_number_is_replaced,
);

const GUARDED: [(&str, &str); 1] = [("OSS_NUMBERS_RECYCLE_AFTER", "1h")];

async fn random(http: &Http) -> Answer {
    http.post("/reservations", json!({ "areaCode": "11" })).await
}

/// Reserves a number and gives it back.
async fn come_and_go(http: &Http) -> String {
    let reserved = random(http).await;
    let number = reserved.body["msisdn"].as_str().expect("a number").to_owned();
    assert_eq!(http.delete(&format!("/reservations/{number}")).await.status, 204);
    number
}

/// Lets two hours pass since a number was given back.
async fn age(database: &Database, number: &str) {
    let earlier = if database.is_postgres() { "interval '2 hours'" } else { "7200000000" };
    let statement =
        format!("update phone_number set updated_at = updated_at - {earlier} where msisdn = '{number}'");
    database.execute(&statement).await;
}

async fn another_number_is_offered_instead_of_one_that_was_just_given_back(database: Database) {
    let sigan = Sigan::start(Inventory::new("PR").with_numbers_per_ddd(2)).await;
    let server = Server::start(&database, &sigan.url(), &GUARDED);
    let http = server.http();
    let (recent, old) = (come_and_go(&http).await, come_and_go(&http).await);
    age(&database, &old).await;

    let reserved = random(&http).await;
    assert_eq!(
        (reserved.status, reserved.body["msisdn"].as_str()),
        (201, Some(old.as_str())),
        "{reserved:?}"
    );
    let refused = random(&http).await;
    assert_eq!(refused.body["type"], "urn:oss:problem:no-numbers-left", "{refused:?}");
    let offers = Scrape::of(&http).await.value("oss_recycled_offers_total", &[]);
    assert_eq!(offers.to_string(), "4", "one before the old number, and three of {recent}");
}

async fn a_preview_with_such_a_number_is_replaced(database: Database) {
    let sigan = Sigan::start(Inventory::new("PR").with_numbers_per_ddd(6)).await;
    let server = Server::start(&database, &sigan.url(), &GUARDED);
    let http = server.http();
    let mut numbers = Vec::new();
    for _ in 0..6 {
        numbers.push(come_and_go(&http).await);
    }
    for old in &numbers[1..] {
        age(&database, old).await;
    }
    let preview = http.preview().await;
    let reserved = http.reserve(&preview, 1).await;
    assert_eq!(
        reserved.body["msisdn"],
        numbers[3].as_str(),
        "none of the first offer, of which one was recent"
    );
}

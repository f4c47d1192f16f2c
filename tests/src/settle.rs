//! The state of rest: no call in flight, no attempt in doubt, no delivery pending. Then our rows and Sigan's holds must agree.

use std::collections::BTreeSet;

use oss_core::sigan::mock::Inventory;
use reqwest::Method;
use serde_json::json;

use crate::backend::Database;
use crate::cli::run_beside;
use crate::eventually::eventually;
use crate::http::Http;

/// The attempts that are not settled.
pub const UNSETTLED: &str =
    "select count(*) from reservation where state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING')";

/// The settings of a command line that works on the database and the Sigan of a server.
#[must_use]
pub fn settings<'a>(database: &'a Database, sigan: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("OSS_DATABASE_URL", database.url()),
        ("OSS_SIGAN_URL", sigan),
        ("OSS_SIGAN_BRAND_ID", "acme"),
        ("OSS_SIGAN_TIMEOUT", "1500ms"),
    ]
}

/// Sweeps until everything is settled. The lease of an attempt whose process died must end first.
pub async fn settle(http: &Http, database: &Database) {
    eventually(async || {
        let swept = http.send(http.request(Method::POST, "/sweeps")).await;
        assert_eq!(swept.status, 200, "{swept:?}");
        let left = database.count(UNSETTLED).await;
        if left == 0 { Ok(()) } else { Err(format!("{left} attempts do not settle")) }
    })
    .await;
}

/// Checks invariant 2: when everything has settled, the numbers that Sigan holds for us are exactly the numbers that are held here,
/// each under its recorded id. The audit must say so too.
pub async fn assert_records_agree(database: &Database, sigan: &str, inventory: &Inventory) {
    assert_eq!(database.count(UNSETTLED).await, 0, "something is not settled");
    let held = "select msisdn || ' ' || external_id from reservation where state in ('HELD', 'ASSIGNED')";
    let here: BTreeSet<String> = database.texts(held).await.into_iter().collect();
    let there: BTreeSet<String> =
        inventory.reserved().iter().map(|hold| format!("{} {}", hold.msisdn, hold.external_id)).collect();
    let (leaked, lost) = (there.difference(&here), here.difference(&there));
    let (leaked, lost): (Vec<_>, Vec<_>) = (leaked.collect(), lost.collect());
    assert!(leaked.is_empty() && lost.is_empty(), "only in Sigan: {leaked:?}; only here: {lost:?}");

    let numbers = "select msisdn || '' from phone_number where status <> 'RETURNED'";
    let numbers: BTreeSet<String> = database.texts(numbers).await.into_iter().collect();
    let live: BTreeSet<String> = here.iter().filter_map(|hold| hold.get(..11).map(str::to_owned)).collect();
    assert_eq!(numbers, live, "a number is held where and only where a reservation of it is live");
    assert_eq!(live.len(), here.len(), "no number is live twice");

    let audit = ["--output", "json", "audit", "--min-age", "0s"];
    let audited = run_beside(&settings(database, sigan), &audit).await;
    assert_eq!(audited.code, 0, "{audited:?}");
    let report = audited.json();
    assert_eq!(report["differences"], json!([]), "{report}");
    assert_eq!((&report["listed"], &report["unsettled"]), (&json!(there.len()), &json!(0)), "{report}");
}

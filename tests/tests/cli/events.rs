//! `oss events`, tested through the binary.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use oss_core::sigan::mock::Inventory;
use oss_tests::backend::Database;
use oss_tests::cli::{Ended, oss, run_beside};
use oss_tests::process::signal;
use oss_tests::settle::settings;
use oss_tests::sigan::Sigan;
use serde_json::{Value, json};

oss_tests::on_both!(events_are_shown_from_a_place_or_a_time, new_events_are_shown_as_they_come);

struct Setup {
    database: Database,
    sigan: Sigan,
}

impl Setup {
    async fn on(database: Database) -> Self {
        Self { database, sigan: Sigan::start(Inventory::new("PR")).await }
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        let sigan = self.sigan.url();
        run_beside(&settings(&self.database, &sigan), arguments).await
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[&["--output", "json"], arguments].concat()).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        ended.json()
    }

    async fn reserve(&self) -> String {
        let reserved = self.json(&["reserve", "--ddd", "11"]).await;
        reserved["msisdn"].as_str().expect("a number").to_owned()
    }
}

async fn events_are_shown_from_a_place_or_a_time(database: Database) {
    let setup = Setup::on(database).await;
    let number = setup.reserve().await;
    assert_eq!(setup.run(&["release", &number]).await.code, 0);
    let all = setup.json(&["events"]).await;
    let kinds: Vec<_> =
        all["events"].as_array().expect("a list").iter().map(|event| &event["kind"]).collect();
    assert_eq!(kinds, ["number.reserved", "number.released", "number.returned"]);
    assert!(!all.to_string().contains(&number), "an operator sees the masked number");

    let first = setup.json(&["events", "--limit", "1"]).await;
    let rest = setup.json(&["events", "--after", first["next"].as_str().expect("a place")]).await;
    assert_eq!(rest["events"].as_array().map(Vec::len), Some(2));
    let future = setup.json(&["events", "--since", "2100-01-01T00:00:00Z"]).await;
    assert_eq!(future["events"], json!([]));
    let past = setup.json(&["events", "--since", "2020-01-01T00:00:00Z"]).await;
    assert_eq!(past["events"], all["events"]);

    let table = setup.run(&["events"]).await.stdout;
    assert!(table.contains("number.released") && table.contains("HELD → RELEASING"), "{table}");
    assert!(table.contains("brand") && table.contains("by "), "{table}");
    assert!(
        all["events"].as_array().expect("a list").iter().all(|event| event["changedBy"].is_null()),
        "{all}"
    );
    assert!(
        table.contains(&format!("oss events --after {}", all["next"].as_str().expect("a place"))),
        "{table}"
    );
    assert_eq!(setup.run(&["events", "--after", "x"]).await.code, 2);
    assert_eq!(setup.json(&["webhooks"]).await, json!({ "webhooks": [] }));
}

/// Reads so many lines of a child, on a thread that may wait.
async fn lines(child: &mut Child, count: usize) -> Vec<Value> {
    let output = BufReader::new(child.stdout.take().expect("its output is piped"));
    let read = move || -> Vec<Value> {
        let lines = output.lines().take(count).map(|line| line.expect("its output can be read"));
        lines.map(|line| serde_json::from_str(&line).expect("a line is JSON")).collect()
    };
    tokio::task::spawn_blocking(read).await.expect("they are read")
}

async fn new_events_are_shown_as_they_come(database: Database) {
    let setup = Setup::on(database).await;
    let number = setup.reserve().await;
    let start = setup.json(&["events", "--limit", "1"]).await;
    let sigan = setup.sigan.url();
    let arguments =
        ["--output", "json", "events", "--follow", "--after", start["next"].as_str().expect("a place")];
    let mut command = oss(&settings(&setup.database, &sigan));
    let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().expect("oss runs");
    assert_eq!(setup.run(&["release", &number]).await.code, 0);
    let told: Vec<_> = lines(&mut child, 2).await.iter().map(|event| event["kind"].clone()).collect();
    assert_eq!(told, ["number.released", "number.returned"]);
    signal(child.id(), "INT");
    let ended = tokio::task::spawn_blocking(move || child.wait()).await.expect("it ends");
    assert!(ended.expect("a child can be waited for").success(), "an interruption is how it ends");
}

//! The commands of operators through a server: the same output, JSON and exit codes as on a database.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use oss_core::gsim::mock;
use oss_core::sigan::mock::{Behaviour, CallKind, Fault};
use oss_tests::cli::oss;
use oss_tests::process::{Mortal, signal};
use oss_tests::sigan::wait_until_called;
use serde_json::{Value, json};

use super::world::{World, without_ids};

/// Makes every attempt in doubt due.
const DUE: &str = "update reservation set due_at = 0 where state = 'IN_DOUBT'";

async fn worlds() -> [World; 2] {
    [World::on_database().await, World::through_server().await]
}

/// Runs a command in both worlds, and compares the results.
async fn same(worlds: &[World; 2], line: &str, code: i32) -> String {
    let outcomes = [worlds[0].run(line).await, worlds[1].run(line).await];
    let [here, there] = outcomes.each_ref().map(without_ids);
    assert_eq!(there, here, "{line}");
    assert_eq!(outcomes[0].code, code, "{line}: {outcomes:?}");
    outcomes[1].stdout.clone()
}

async fn in_both(worlds: &[World; 2], statement: &str) {
    for world in worlds {
        world.database.execute(statement).await;
    }
}

/// Reserves a number whose answer from Sigan is lost.
async fn lose_a_reserve(worlds: &[World; 2], key: &str) {
    for world in worlds {
        world.sigan.next(CallKind::Reserve, Fault::LoseAnswer);
    }
    same(worlds, &format!("reserve --ddd 11 --idempotency-key {key} -o json"), 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_is_the_same() {
    let worlds = worlds().await;
    for _ in 0..2 {
        same(&worlds, "reserve --ddd 11", 0).await;
    }
    for line in ["audit --min-age 0s", "audit --min-age 0s -o json", "audit --min-age 0s -o ndjson"] {
        same(&worlds, line, 0).await;
    }
    for table in ["reservation", "phone_number"] {
        in_both(&worlds, &format!("delete from {table} where msisdn = '11999950001'")).await;
    }
    let table = same(&worlds, "audit --min-age 0s", 4).await;
    assert!(
        table.contains("held in Sigan, unknown here") && table.contains("Audited brands: acme"),
        "{table}"
    );
    same(&worlds, "audit --min-age 0s -o json", 4).await;
    same(&worlds, "audit --min-age 0s -o ndjson", 4).await;
    same(&worlds, "audit", 4).await;
    let fixed = same(&worlds, "audit --fix --force --min-age 0s -o json", 4).await;
    let fixed: Value = serde_json::from_str(&fixed).expect("it is JSON");
    assert_eq!(
        (&fixed["fixed"], &fixed["differences"][0]["outcome"]),
        (&json!(1), &json!("fixed")),
        "{fixed}"
    );
    same(&worlds, "audit --min-age 0s", 0).await;
    for world in &worlds {
        world.sigan.behave(Behaviour { fail_rate: 1.0, ..Behaviour::default() });
    }
    same(&worlds, "audit -o json", 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_of_a_server_that_ends_is_incomplete() {
    for (kills, part) in [(false, "is stopping"), (true, "before the report")] {
        let mut world = World::through_server().await;
        world.sigan.behave(Behaviour { latency: Duration::from_secs(3), ..Behaviour::default() });
        let (mut server, _clients) = world.server.take().expect("there is one");
        let stop = async {
            wait_until_called(&world.sigan, CallKind::Holds, 1).await;
            if kills { server.kill() } else { server.terminate() }
        };
        let (audited, ()) = futures::join!(world.run("audit"), stop);
        assert!(!audited.stdout.contains("Clean"), "{audited:?}");
        assert!(audited.stderr.contains(part), "{audited:?}");
        assert_eq!(audited.code, 6, "{audited:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_and_the_statistics_are_the_same() {
    let worlds = worlds().await;
    same(&worlds, "sweep -o json", 0).await;
    lose_a_reserve(&worlds, "order-1").await;
    in_both(&worlds, DUE).await;
    let swept = same(&worlds, "sweep -o json", 0).await;
    assert_eq!(serde_json::from_str::<Value>(&swept).expect("it is JSON")["recovered"], 1, "{swept}");
    same(&worlds, "sweep", 0).await;
    let counts = same(&worlds, "stats", 0).await;
    assert!(counts.contains("HELD"), "{counts}");
    same(&worlds, "stats -o json", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sweeps_are_watched_through_a_server() {
    let worlds = worlds().await;
    lose_a_reserve(&worlds, "order-1").await;
    in_both(&worlds, DUE).await;
    let mut command = oss(&[]);
    command.envs(worlds[1].settings.iter().cloned()).args(["sweep", "--watch", "-o", "json"]);
    let mut watching = Mortal(command.stdout(Stdio::piped()).spawn().expect("oss runs"));
    let mut lines = BufReader::new(watching.0.stdout.take().expect("it is piped")).lines();
    let line = tokio::task::spawn_blocking(move || lines.next()).await.expect("it is read");
    let swept: Value = serde_json::from_str(&line.expect("a line").expect("UTF-8")).expect("it is JSON");
    assert_eq!(swept["recovered"], 1, "{swept}");
    signal(watching.0.id(), "INT");
    assert_eq!(watching.0.wait().expect("it ends").code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_the_same() {
    let worlds = worlds().await;
    let none = same(&worlds, "webhooks", 0).await;
    assert!(none.contains("No webhook"), "{none}");
    let webhook =
        "insert into webhook (name, transaction_id, position, attempts, next_attempt_at, last_error)
                   values ('billing', 0, 7, 3, 0, 'status 500')";
    in_both(&worlds, webhook).await;
    let listed = same(&worlds, "webhooks", 0).await;
    assert!(listed.contains("billing") && listed.contains("status 500"), "{listed}");
    same(&worlds, "webhooks -o json", 0).await;
    let replayed = same(&worlds, "webhooks replay billing --from 2020-01-01T00:00:00Z -o json", 0).await;
    let replayed: Value = serde_json::from_str(&replayed).expect("it is JSON");
    assert_eq!(replayed["webhooks"][0]["cursor"], "0-0", "{replayed}");
    same(&worlds, "webhooks replay shipping --from 2020-01-01T00:00:00Z", 3).await;
    same(&worlds, "webhooks replay shipping --from 2020-01-01T00:00:00Z -o json", 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_settled_in_the_same_way() {
    let worlds = worlds().await;
    same(&worlds, "settle 11999950001 -o json", 3).await;
    lose_a_reserve(&worlds, "order-1").await;
    let settled = same(&worlds, "settle 11999950001", 0).await;
    assert!(settled.contains("HELD") && settled.contains("Settled"), "{settled}");
    let agrees = same(&worlds, "settle 11999950001", 0).await;
    assert!(agrees.contains("Sigan holds the number for us, as recorded here"), "{agrees}");
    same(&worlds, "settle 11999950001 -o json", 0).await;
    lose_a_reserve(&worlds, "order-2").await;
    for world in &worlds {
        world.sigan.behave(Behaviour { fail_rate: 1.0, ..Behaviour::default() });
    }
    let left = same(&worlds, "settle 11999950002", 4).await;
    assert!(left.contains("IN_DOUBT") && left.contains("Not settled yet"), "{left}");
    for world in &worlds {
        world.sigan.behave(Behaviour::default());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_settled_in_the_same_way() {
    let mut worlds = worlds().await;
    same(&worlds, "reserve --ddd 11", 0).await;
    let device = same(&worlds, "esim --device-code iPhone15,2 -o json", 0).await;
    let device: Value = serde_json::from_str(&device).expect("it is JSON");
    for world in &mut worlds {
        world.known = vec![("device", device["hash"].as_str().expect("a hash").to_owned())];
        world.gsim.next(mock::CallKind::OrderEsim, mock::Fault::LoseAnswer);
    }
    let line = "018f0000-0000-7000-8000-000000000000";
    same(&worlds, &format!("sim issue 11999950001 --line {line} --device {{device}} -o json"), 5).await;
    let refused = same(&worlds, "release 11999950001 -o json", 4).await;
    assert!(refused.contains("\"retryAfterSeconds\": 2"), "{refused}");
    let settled = same(&worlds, "settle 11999950001", 0).await;
    assert!(settled.contains("IN_USE"), "{settled}");
}

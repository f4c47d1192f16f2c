//! The command line through a server: the same commands, tables, JSON and exit codes as on a database.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use axum::Router;
use oss_core::gsim::mock::OrderBook;
use oss_core::sigan::mock::{CallKind, Fault};
use oss_tests::cli::oss;
use oss_tests::process::{Mortal, signal};
use oss_tests::sims::ADDRESS;
use serde_json::{Value, json};

use super::world::{World, without_ids};

const LINE: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";

/// A step: a command line, its exit code, and the value of its answer that later lines name.
type Step = (&'static str, i32, Option<(&'static str, &'static str)>);

/// The life of some numbers, with every error that a person meets. `{name}` stands for a value of an earlier answer.
const STEPS: &[Step] = &[
    ("preview --ddd 11 -o json", 0, Some(("first", "/id"))),
    ("preview --ddd 11 --previous {first} -o json", 0, Some(("second", "/id"))),
    ("preview --ddd 11", 0, None),
    ("preview --ddd 23", 3, None),
    ("preview --ddd 11 --previous 018f0000-0000-7000-8000-000000000000", 3, None),
    ("reserve --preview {first} --index 1 -o json", 4, None),
    ("reserve --preview {second} --index 9", 3, None),
    ("reserve --preview {second} --index 2 -o json", 0, Some(("number", "/msisdn"))),
    ("reserve --preview {second} --index 2", 0, None),
    ("reserve --preview {second} --index 3 -o json", 4, None),
    ("reserve --preview 018f0000-0000-7000-8000-000000000000 --index 1 -o json", 3, None),
    ("reserve --ddd 11 --idempotency-key order-1 -o json", 0, Some(("other", "/msisdn"))),
    ("reserve --ddd 11 --idempotency-key order-1", 0, None),
    ("reserve --ddd 21 --idempotency-key order-1 -o json", 2, None),
    ("show {number}", 0, None),
    ("show {number} -o json", 0, None),
    ("show 11999990000", 3, None),
    ("show 11999990000 --history -o json", 3, None),
    ("show 11999990000 -o json", 3, None),
    ("show 119999", 2, None),
    ("ddd 11", 0, None),
    ("ddd 23 -o json", 3, None),
    ("ddd 00", 3, None),
    ("brands", 0, None),
    ("brands -o ndjson", 0, None),
    ("models Apple", 0, None),
    ("models samsung -o json", 0, None),
    ("models 382b5349-40fd-5820-8dca-ce1baa10d8c8 -o ndjson", 0, None),
    ("models nobody -o json", 3, None),
    ("models 018f0000-0000-7000-8000-000000000000", 3, None),
    ("esim --device-code iPhone15,2 -o json", 0, Some(("device", "/hash"))),
    ("esim --device-code iPhone15,2", 0, None),
    ("esim --device-code Watch1,1", 0, None),
    ("esim --tac 00000000 -o json", 0, None),
    ("esim --imei 490154203237518", 0, None),
    ("esim --model SAMSUNG_GALAXY_S25", 0, None),
    ("assign {number} --sim 018f0000-0000-7000-8000-000000000000 -o json", 3, None),
    ("sim issue {number} --line {line} --device {device} -o json", 0, Some(("sim", "/id"))),
    ("sim issue {number} --line {line} --device {device}", 0, None),
    ("sim issue 11999990000 --line {line} --device {device} -o json", 3, None),
    ("sim issue {other} --line {line} --device 00000000000000000000000000000000 -o json", 3, None),
    ("sim show {sim}", 0, None),
    ("sim show {sim} -o json", 0, Some(("iccid", "/iccid"))),
    ("sim show 018f0000-0000-7000-8000-000000000000 -o json", 3, None),
    ("sim find --msisdn {number}", 0, None),
    ("sim find --line {line} -o json", 0, None),
    ("sim find --iccid {iccid} -o ndjson", 0, None),
    ("sim find --msisdn 11999990000", 0, None),
    ("find {number}", 0, None),
    ("find {number} -o json", 0, None),
    ("find {second}", 0, None),
    ("find {second} -o ndjson", 0, None),
    ("find {iccid}", 0, None),
    ("find {sim} -o json", 0, None),
    ("find {line} -o json", 0, None),
    ("find 018f0000-0000-7000-8000-000000000000", 0, None),
    ("find nobody", 2, None),
    ("sim code {sim}", 0, None),
    ("sim code {sim} -o json", 0, None),
    ("sim code 018f0000-0000-7000-8000-000000000000", 3, None),
    ("assign {number} --sim {sim}", 0, None),
    ("sim replace {number} --device {device} --idempotency-key lost-phone -o json", 0, Some(("next", "/id"))),
    ("sim code {sim} -o json", 4, None),
    // Its table would break ids into lines.
    ("line history {number} -o json", 0, None),
    ("line history {number} --at 2020-01-01T00:00:00-03:00 -o ndjson", 0, None),
    ("line history 11999990000", 3, None),
    ("release {number} -o json", 4, None),
    ("line end {number}", 0, None),
    ("line end {number} -o json", 0, None),
    ("line end {other} -o json", 4, None),
    ("sim activate {other} --line {line} --iccid 8955200000000000017 --address {address} -o json", 3, None),
    ("sim activate {other} --line {line} --iccid {card} --address {address} -o json", 0, None),
    ("sim find --iccid {card} -o json", 0, None),
    ("reserve --ddd 11 -o json", 0, Some(("third", "/msisdn"))),
    ("extend {third}", 0, None),
    ("extend 11999990000 -o json", 3, None),
    ("list --state HELD --ddd 11", 0, None),
    ("list --status RETURNED --output csv", 0, None),
    ("list --status RESERVED --state HELD -o json", 2, None),
    ("release {third} 11999990000 --dry-run -o json", 3, None),
    ("release {third} 11999990000 --dry-run -o ndjson", 3, None),
    ("release {third} 11999990000", 3, None),
    ("release {third} -o json", 0, None),
    ("show {third}", 0, None),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_command_does_the_same_as_on_a_database() {
    let mut worlds = [World::on_database().await, World::through_server().await];
    for world in &mut worlds {
        let card = OrderBook::card(1).to_string();
        world.known.extend([("line", LINE.to_owned()), ("address", ADDRESS.to_owned()), ("card", card)]);
    }
    for (line, code, named) in STEPS {
        let [here, there] = &worlds;
        let outcomes = [here.run(line).await, there.run(line).await];
        let [on_database, through_server] = outcomes.each_ref().map(without_ids);
        assert_eq!(through_server, on_database, "{line}");
        assert_eq!(outcomes[0].code, *code, "{line}: {outcomes:?}");
        for (world, outcome) in worlds.iter_mut().zip(&outcomes) {
            let value =
                |pointer: &str| outcome.json().pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            world.known.extend(named.map(|(name, pointer)| (name, value(pointer).expect(line))));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_sigan_fails_in_the_same_way() {
    let worlds = [World::on_database().await, World::through_server().await];
    for (kind, fault, line) in [
        (CallKind::Reserve, Fault::LoseAnswer, "reserve --ddd 11 --idempotency-key lost -o json"),
        (CallKind::Reserve, Fault::LoseAnswer, "reserve --ddd 21"),
        (CallKind::PreReserve, Fault::FailBefore, "preview --ddd 11 -o json"),
    ] {
        let mut outcomes = Vec::new();
        for world in &worlds {
            world.sigan.next(kind, fault);
            outcomes.push(without_ids(&world.run(line).await));
        }
        assert_eq!(outcomes[1], outcomes[0], "{line}");
        assert_eq!(outcomes[0].0, 5, "{line}: {outcomes:?}");
    }
    for world in &worlds {
        let repeated = world.run("reserve --ddd 11 --idempotency-key lost").await;
        assert_eq!(repeated.code, 0, "{repeated:?}");
    }
}

/// The durations and the causes of calls differ, so only what was called is compared.
#[tokio::test(flavor = "multi_thread")]
async fn a_history_shows_each_call() {
    for world in [World::on_database().await, World::through_server().await] {
        let client = world.server.as_ref().map(|_| "laptop");
        let reserved = world.run("reserve --ddd 11 -o json").await.json();
        let msisdn = reserved["msisdn"].as_str().expect("a number").to_owned();
        let shown = world.run(&format!("show {msisdn} --history -o json")).await;
        assert_eq!(shown.code, 0, "{shown:?}");
        let history = shown.json();
        let entries = history["timeline"].as_array().expect("a list");
        let calls: Vec<_> = entries.iter().map(|entry| entry["call"]["call"].as_str()).collect();
        assert_eq!(calls, [None, Some("reserve"), Some("pre_reserve")], "{history}");
        assert_eq!(entries[1]["call"]["client"].as_str(), client);
        assert_eq!(
            (&history["current"]["status"], &history["attempts"][0]["state"]),
            (&json!("RESERVED"), &json!("HELD"))
        );

        let lines = world.run(&format!("show {msisdn} --history -o ndjson")).await.stdout;
        assert_eq!(lines.lines().count(), 3, "{lines}");
        let table = world.run(&format!("show {msisdn} --history")).await.stdout;
        for part in ["RESERVED since", "HELD since", "number.reserved", "sigan reserve", "ok, "] {
            assert!(table.contains(part), "{part}: {table}");
        }
        assert_eq!(world.run(&format!("show {msisdn} --history --watch")).await.code, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_a_database_is_refused_with_the_reason() {
    let world = World::through_server().await;
    for line in [
        "migrate",
        "ddd import list.csv",
        "devices import folder",
        "adopt 11999950001 --sim 018f0000-0000-7000-8000-000000000000 --brand acme",
        "sigan-mock",
        "gsim-mock",
    ] {
        let refused = world.run(line).await;
        assert!(refused.code == 2 && refused.stderr.contains("works on a database"), "{line}: {refused:?}");
    }
    // These need neither a database nor a server.
    for line in ["keys new shop", "completions bash", "man", "--version"] {
        assert_eq!(world.run(line).await.code, 0, "{line}");
    }
    // A flag that names a database is stronger than the environment.
    let database = world.database.url();
    assert_eq!(world.run(&format!("--database-url {database} ddd 11")).await.code, 0);
    for line in [
        "--server http://a --database-url sqlite://x ddd 11",
        "--server http://a --sandbox ddd 11",
        "--server http://a --profile b ddd 11",
    ] {
        let refused = world.run(line).await;
        assert!(refused.code == 2 && refused.stderr.contains("cannot be used"), "{line}: {refused:?}");
    }
    let refused = world.run_with(&[("OSS_DATABASE_URL", database)], "ddd 11 --brand acme").await;
    assert!(refused.code == 2 && refused.stderr.contains("--server"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_read_as_on_a_database() {
    let worlds = [World::on_database().await, World::through_server().await];
    for world in &worlds {
        for _ in 0..2 {
            assert_eq!(world.run("reserve --ddd 11").await.code, 0);
        }
        let first = world.run("events --limit 1 -o json").await.json();
        let (event, next) = (&first["events"][0], first["next"].as_str().expect("a place"));
        assert_eq!((&event["kind"], &event["after"]), (&json!("number.reserved"), &json!("HELD")), "{first}");
        let last = world.run(&format!("events --after {next} -o ndjson")).await;
        let last: Value = serde_json::from_str(&last.stdout).expect("it is one line");
        assert_eq!(last["masked"], "(11) 9****-0002");
        for (since, count) in [("2020-01-01T00:00:00Z", 2), ("2100-01-01T00:00:00-03:00", 0)] {
            let listed = world.run(&format!("events --since {since} -o ndjson")).await;
            assert_eq!((listed.code, listed.stdout.lines().count()), (0, count), "{listed:?}");
        }

        let mut command = oss(&[]);
        command.envs(world.settings.iter().cloned()).args(["events", "--follow", "-o", "ndjson"]);
        let mut following = Mortal(command.stdout(Stdio::piped()).spawn().expect("oss runs"));
        let mut lines = BufReader::new(following.0.stdout.take().expect("it is piped")).lines();
        let next = tokio::task::spawn_blocking(move || (lines.next(), lines));
        // It begins after the last event, so it shows one of these whenever it has begun.
        while !next.is_finished() {
            assert_eq!(world.run("reserve --ddd 11").await.code, 0);
        }
        // The command would end if nobody read its output any more.
        let (next, _lines) = next.await.expect("it is read");
        let next = next.expect("a line").expect("it is UTF-8");
        let next: Value = serde_json::from_str(&next).expect("it is JSON");
        assert!(
            !["(11) 9****-0001", "(11) 9****-0002"].contains(&next["masked"].as_str().expect("a text")),
            "{next}"
        );
        signal(following.0.id(), "INT");
        assert_eq!(following.0.wait().expect("it ends").code(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_brand_is_selected_among_those_of_the_client() {
    let world = World::through_server().await;
    assert_eq!(world.run("reserve --ddd 11").await.code, 0);
    let reserved = world.run("--brand zeta reserve --ddd 11 -o json").await.json();
    let number = reserved["msisdn"].as_str().expect("a number");
    let brands = "select brand_id || ' ' || msisdn from reservation order by msisdn";
    assert_eq!(world.database.texts(brands).await, ["acme 11999950001", "zeta 11999950002"]);
    assert_eq!(world.run(&format!("show {number}")).await.code, 3, "it is the other brand's");
    assert_eq!(world.run(&format!("show {number} --brand zeta")).await.code, 0);
    let refused = world.run(&format!("show {number} --brand omega -o json")).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    let error: Value = serde_json::from_str(&refused.stderr).expect("it is JSON");
    assert_eq!(error["error"]["code"], "foreign-brand");
    let shown = world.run(&format!("--server {} --brand zeta preview --ddd 11", world.url())).await;
    assert!(
        shown.stdout.contains(&format!("oss --server {}/ --brand zeta reserve", world.url())),
        "{shown:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_used_is_named() {
    let world = World::through_server().await;
    let key = ("OSS_KEY", world.key());
    let other = another_service().await;
    let wrong_path = format!("{}/v2", world.url());
    for (settings, code, part) in [
        (
            &[("OSS_SERVER", "http://127.0.0.1:1"), key][..],
            6,
            "http://127.0.0.1:1/ cannot be reached (Connection refused",
        ),
        (
            &[("OSS_SERVER", "http://oss.invalid"), ("OSS_ALLOW_HTTP_CREDENTIALS", "true"), key],
            6,
            "cannot be reached",
        ),
        (&[("OSS_SERVER", world.url())], 2, "refuses the key"),
        (&[("OSS_SERVER", world.url()), ("OSS_KEY", "oss_a-wrong-one")], 2, "no client has this key"),
        (&[("OSS_SERVER", world.url()), ("OSS_KEY", "a b")], 2, "OSS_KEY: expected a key"),
        (&[("OSS_SERVER", &wrong_path), key], 2, "does not know this operation"),
        (&[("OSS_SERVER", &other), key], 2, "not one of oss-server"),
        (&[("OSS_SERVER", "oss.example"), key], 2, "OSS_SERVER: expected https://"),
        (&[("OSS_SERVER", "http://oss.example"), key], 2, "anyone on the way could read the key"),
    ] {
        for line in ["show 11999950001", "release 11999950001 -o json", "brands"] {
            let failed = world.run_with(settings, line).await;
            assert_eq!(failed.code, code, "{line}: {failed:?}");
            assert!(!failed.stderr.contains("11999950001"), "{failed:?}");
            let said = failed.stdout + &failed.stderr;
            assert!(said.contains(part), "{line}: {part}: {said}");
            assert!(!said.contains(key.1) && !said.contains("a-wrong-one"), "{said}");
        }
    }
}

/// A service of somebody else, which answers every request with a page.
async fn another_service() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let page = Router::new().fallback(|| async { "<html>welcome</html>" });
    tokio::spawn(async move { axum::serve(listener, page).await });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_says_what_to_do() {
    let mut world = World::through_server().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    world.settings[0].1 = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // The request was taken, and the connection is closed without an answer.
            let _ = connection.readable().await;
        }
    });
    let failed = world.run("reserve --ddd 11 -o json").await;
    assert_eq!(failed.code, 5, "{failed:?}");
    let error: Value = serde_json::from_str(&failed.stderr).expect("it is JSON");
    assert_eq!(error["error"]["code"], "server-no-answer");
    let message = error["error"]["message"].as_str().expect("a text");
    for part in ["may have been done", "look first", "--idempotency-key"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!message.contains("repeat the same command"), "it could draw a second number: {message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_and_a_number_reach_no_log() {
    let world = World::through_server().await;
    assert_eq!(world.run("reserve --ddd 11").await.code, 0);
    let settings = [
        ("OSS_SERVER", world.url()),
        ("OSS_KEY", world.key()),
        ("OSS_LOG", "trace"),
        ("OSS_LOG_FORMAT", "json"),
    ];
    for line in ["show 11999950001", "sim find --msisdn 11999950001", "release 11999990000"] {
        let ended = world.run_with(&settings, line).await;
        assert!(!ended.stderr.contains(world.key()), "{ended:?}");
        assert!(!ended.stderr.contains("1199995") && !ended.stderr.contains("1199999"), "{ended:?}");
    }
    let (server, _) = world.server.as_ref().expect("there is one");
    let log = server.log().join("\n");
    assert!(!log.contains(world.key()) && !log.contains("1199995"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_looks_at_a_server() {
    let world = World::through_server().await;
    let healthy = world.run("doctor -o json").await;
    assert_eq!(healthy.code, 0, "{healthy:?}");
    let results: Vec<_> = healthy.json()["checks"].as_array().expect("a list").clone();
    let names: Vec<_> = results.iter().filter_map(|check| check["name"].as_str()).collect();
    assert_eq!(names, ["program", "server", "key", "clock"], "{healthy:?}");
    assert!(results.iter().all(|check| check["result"] == "ok"), "{healthy:?}");
    for (settings, code, part) in [
        (&[("OSS_SERVER", "http://127.0.0.1:1")][..], 6, "cannot be reached"),
        (&[("OSS_SERVER", world.url()), ("OSS_KEY", "oss_wrong")], 2, "refuses the key"),
    ] {
        let ill = world.run_with(settings, "doctor").await;
        assert!(ill.code == code && ill.stdout.contains("failure") && ill.stdout.contains(part), "{ill:?}");
    }
    let foreign = world.run("doctor --brand omega").await;
    assert!(foreign.code == 2 && foreign.stdout.contains("failure  key"), "{foreign:?}");
}

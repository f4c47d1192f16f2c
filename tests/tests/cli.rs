//! The command line, by its binary.

use std::path::Path;

use oss_core::sigan::mock::{CallKind, Fault, Inventory, SiganMock};
use oss_tests::backend::Database;
use oss_tests::cli::{Ended, oss, run};
use oss_tests::server::Server;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A sandbox in a folder of its own.
struct Sandbox(TempDir);

impl Sandbox {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        in_sandbox(self.0.path(), arguments)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[&["--output", "json"], arguments].concat());
        assert_eq!(ended.code, 0, "{ended:?}");
        ended.json()
    }
}

fn in_sandbox(dir: &Path, arguments: &[&str]) -> Ended {
    let dir = dir.to_str().expect("a path of ASCII");
    run(&[("OSS_SANDBOX_DIR", dir)], &[&["--sandbox"], arguments].concat())
}

#[test]
fn what_one_run_reserves_the_next_can_show_and_release() {
    let sandbox = Sandbox::new();
    let reserved = sandbox.run(&["reserve", "--ddd", "11"]);
    assert_eq!((reserved.code, reserved.stderr.as_str()), (0, ""));
    assert!(reserved.stdout.contains("Reserved 11999950001"), "{reserved:?}");
    assert!(
        reserved.stdout.contains("oss --sandbox release 11999950001"),
        "it says what to type next: {reserved:?}"
    );
    let shown = sandbox.run(&["show", "11999950001"]);
    assert!(shown.stdout.contains("RESERVED") && shown.stdout.contains("HELD"), "{shown:?}");
    assert_eq!(sandbox.run(&["release", "(11) 99995-0001"]).code, 0);
    let shown = sandbox.run(&["show", "+55 11 99995-0001"]);
    assert!(shown.stdout.contains("RETURNED") && shown.stdout.contains("RELEASED"), "{shown:?}");
    assert_eq!(
        sandbox.json(&["reserve", "--ddd", "11"]),
        json!({ "msisdn": "11999950002" }),
        "never the same twice"
    );
}

#[test]
fn a_preview_is_chosen_from_and_put_on_a_line() {
    let sandbox = Sandbox::new();
    let first = sandbox.json(&["preview", "--ddd", "21"]);
    assert_eq!(first["msisdns"][2], json!({ "preview": "(21) 9****-0003", "index": 3 }));
    let first = first["id"].as_str().unwrap();
    let second = sandbox.json(&["preview", "--ddd", "21", "--previous", first]);
    let second = second["id"].as_str().unwrap();
    assert_eq!(
        sandbox.run(&["reserve", "--preview", first, "--index", "1"]).code,
        4,
        "its numbers are free again"
    );
    let reserve = ["reserve", "--preview", second, "--index", "2"];
    assert_eq!(sandbox.json(&reserve), json!({ "msisdn": "21999950005" }));
    assert_eq!(sandbox.json(&reserve), json!({ "msisdn": "21999950005" }), "again, the same");
    let sim = uuid::Uuid::now_v7().to_string();
    let assigned = sandbox.json(&["assign", "21999950005", "--sim", &sim]);
    assert_eq!(assigned, json!({ "msisdn": "21999950005", "simId": sim }));
    let shown = sandbox.json(&["show", "21999950005"]);
    assert_eq!((&shown["status"], &shown["assignedSimId"]), (&json!("IN_USE"), &json!(sim)));
    assert_eq!(shown["history"][0]["state"], "ASSIGNED");
    assert_eq!(sandbox.run(&["release", "21999950005"]).code, 4, "in use");
}

#[test]
fn several_are_released_and_each_is_told() {
    let sandbox = Sandbox::new();
    sandbox.json(&["reserve", "--ddd", "11"]);
    sandbox.json(&["reserve", "--ddd", "11"]);
    let ended = sandbox.run(&["--output", "json", "release", "11999950001", "11999990000", "11999950002"]);
    assert_eq!(ended.code, 3, "that of the first failure");
    assert_eq!(ended.json()["released"], json!(["11999950001", "11999950002"]));
    assert_eq!(ended.json()["failed"][0]["msisdn"], "11999990000");
    assert_eq!(ended.json()["failed"][0]["error"]["code"], "unknown-number");
}

#[test]
fn exit_codes_and_errors_are_for_programs_too() {
    let sandbox = Sandbox::new();
    let unknown = uuid::Uuid::now_v7().to_string();
    for (arguments, code, part) in [
        (vec!["reserve"], 2, "--ddd"),
        (vec!["reserve", "--ddd", "0"], 2, "two digits"),
        (vec!["show", "1199995000"], 2, "mobile number"),
        (vec!["reserve", "--preview", &unknown, "--index", "x"], 2, "from 1 to 3"),
        (vec!["reserve", "--ddd", "23"], 3, "not in use"),
        (vec!["reserve", "--ddd", "20"], 3, "not in use"),
        (vec!["reserve", "--preview", &unknown, "--index", "9"], 3, "no number with this index"),
        (vec!["reserve", "--preview", &unknown, "--index", "1"], 3, "does not exist"),
        (vec!["preview", "--ddd", "11", "--previous", &unknown], 3, "does not exist"),
        (vec!["show", "11999990000"], 3, "not known"),
        (vec!["release", "11999990000"], 3, ""),
        (vec!["migrate"], 2, "leave --sandbox out"),
    ] {
        let ended = sandbox.run(&arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(part), "{arguments:?}: {ended:?}");
    }
    assert_eq!(sandbox.run(&["ddd", "11"]).code, 0);
    let ended = sandbox.run(&["--output", "json", "ddd", "23"]);
    assert_eq!((ended.code, ended.json()), (3, json!({ "ddd": "23", "exists": false })));
    let ended = sandbox.run(&["--output", "json", "reserve", "--ddd", "23"]);
    let error: Value = serde_json::from_str(&ended.stderr).expect("the error is JSON");
    assert_eq!((ended.stdout.as_str(), &error["error"]["code"]), ("", &json!("unknown-ddd")));
}

#[test]
fn without_a_sandbox_what_is_missing_is_told() {
    let ended = run(&[], &["reserve", "--ddd", "11"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    for part in ["OSS_DATABASE_URL", "OSS_SIGAN_URL", "OSS_SIGAN_BRAND_ID"] {
        assert!(ended.stderr.contains(part), "{ended:?}");
    }
    let help = run(&[], &["--help"]);
    assert!(help.stdout.contains("Exit codes:"));
    assert_eq!(run(&[], &["--version"]).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_migrated_and_worked_on() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", dir.path().join("new.db").display());
    let sigan = SiganMock::new(Inventory::new("PR")).start().await;
    let settings = [("OSS_SIGAN_URL", sigan.url().to_string()), ("OSS_SIGAN_BRAND_ID", "acme".to_owned())];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let reserve = ["--database-url", &url, "reserve", "--ddd", "11"];
    let ended = run(&settings, &reserve);
    assert_eq!(ended.code, 6, "{ended:?}");
    assert!(ended.stderr.contains("oss migrate"), "{ended:?}");
    for _ in 0..2 {
        assert_eq!(
            run(&[], &["--database-url", &url, "migrate"]).code,
            0,
            "also when there is nothing to do"
        );
    }
    assert_eq!(run(&settings, &reserve).code, 0);
    let released = run(&settings, &["--database-url", &url, "release", "11999950001"]);
    assert_eq!(released.code, 0);
    assert_eq!(sigan.inventory().reserved(), [], "it ends only when Sigan has been told");
    sigan.next(CallKind::Reserve, Fault::LoseAnswer);
    assert_eq!(run(&settings, &reserve).code, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_on_the_file_that_a_server_has_open() {
    let database = Database::sqlite().await;
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let sigan_url = sigan.url().to_string();
    let settings =
        [("OSS_DATABASE_URL", database.url()), ("OSS_SIGAN_URL", &sigan_url), ("OSS_SIGAN_BRAND_ID", "acme")];
    let previews = futures::future::join_all((0..20).map(|_| http.preview())).await;
    let reserves = futures::future::join_all(previews.iter().map(|preview| http.reserve(preview, 1)));
    let commands: Vec<_> = (0..5)
        .map(|_| {
            oss(&settings)
                .args(["reserve", "--ddd", "21"])
                .stdout(std::process::Stdio::null())
                .spawn()
                .expect("oss runs")
        })
        .collect();
    assert!(reserves.await.iter().all(|answer| answer.status == 200));
    for mut command in commands {
        assert!(command.wait().unwrap().success());
    }
    assert_eq!(run(&settings, &["release", "11999950001"]).code, 0);
    assert_eq!(http.get("/numbers/11999950001").await.body["status"], "RETURNED");
    assert_eq!(database.count("select count(*) from reservation where state = 'HELD'").await, 24);
    assert_eq!(sigan.inventory().reserved().len(), 24);
}

#[test]
fn two_at_once_in_one_sandbox_wait_for_each_other() {
    let sandbox = Sandbox::new();
    let dir = sandbox.0.path().to_str().expect("a path of ASCII");
    let spawn = || {
        oss(&[("OSS_SANDBOX_DIR", dir)])
            .args(["--sandbox", "--output", "json", "reserve", "--ddd", "11"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("oss runs")
    };
    let commands: Vec<_> = (0..4).map(|_| spawn()).collect();
    let mut numbers: Vec<Value> = commands
        .into_iter()
        .map(|command| serde_json::from_slice(&command.wait_with_output().unwrap().stdout).unwrap())
        .collect();
    numbers.sort_by_key(ToString::to_string);
    numbers.dedup();
    assert_eq!(numbers.len(), 4, "four different numbers");
}

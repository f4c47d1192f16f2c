//! The command line, tested through its binary.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use oss_core::sigan::mock::{CallKind, Fault, Inventory, SiganMock};
use oss_tests::backend::Database;
use oss_tests::cli::{Ended, oss, run, run_beside};
use oss_tests::eventually::eventually;
use oss_tests::process::{Mortal, signal};
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
fn the_next_run_can_show_and_release_a_reserved_number() {
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
        sandbox.json(&["reserve", "--ddd", "11"])["msisdn"],
        json!("11999950002"),
        "never the same twice"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_is_chosen_from_and_put_on_a_line() {
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
    let reserved = sandbox.json(&reserve);
    assert_eq!(reserved["msisdn"], "21999950005");
    assert_eq!(sandbox.json(&reserve), reserved, "again, the same");
    let unknown = uuid::Uuid::now_v7().to_string();
    assert_eq!(sandbox.run(&["assign", "21999950005", "--sim", &unknown]).code, 3, "no such SIM");
    let sim = Database::file(&sandbox.0.path().join("oss.db")).add_sim().await.to_string();
    let assigned = sandbox.json(&["assign", "21999950005", "--sim", &sim]);
    assert_eq!(assigned, json!({ "msisdn": "21999950005", "simId": sim }));
    let shown = sandbox.json(&["show", "21999950005"]);
    assert_eq!((&shown["status"], &shown["assignedSimId"]), (&json!("IN_USE"), &json!(sim)));
    assert_eq!(shown["history"][0]["state"], "ASSIGNED");
    assert_eq!(sandbox.run(&["release", "21999950005"]).code, 4, "in use");
}

#[test]
fn a_hold_is_extended() {
    let sandbox = Sandbox::new();
    let reserved = sandbox.run(&["reserve", "--ddd", "11"]);
    assert!(reserved.stdout.contains("Reserved 11999950001 until 20"), "{reserved:?}");
    let before = sandbox.json(&["show", "11999950001"])["history"][0]["holdExpiresAt"].take();
    let extended = sandbox.json(&["extend", "11999950001"]);
    assert_eq!(extended["msisdn"], "11999950001");
    assert!(extended["expiresAt"].as_str() > before.as_str(), "{extended} and not {before}");
    let shown = sandbox.run(&["extend", "11999950001"]);
    assert!(shown.stdout.contains("Held 11999950001 until 20"), "{shown:?}");
    assert_eq!(sandbox.run(&["extend", "11999959999"]).code, 3);
    sandbox.run(&["release", "11999950001"]);
    assert_eq!(sandbox.run(&["extend", "11999950001"]).code, 4);
    let preview = sandbox.run(&["preview", "--ddd", "11"]);
    assert!(preview.stdout.contains("To reserve one until 20"), "{preview:?}");
}

#[test]
fn each_of_several_releases_is_reported() {
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
fn missing_settings_are_named() {
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
    assert_eq!(sigan.inventory().reserved(), [], "it ends only after Sigan has released the number");
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

/// The error of a command line that asks for JSON.
fn error_of(ended: &Ended, code: i32) -> Value {
    assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{ended:?}");
    let document: Value =
        serde_json::from_str(&ended.stderr).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    assert!(document["error"]["message"].is_string() && document["error"]["code"].is_string(), "{document}");
    document["error"].clone()
}

#[test]
fn an_unreadable_command_line_is_a_json_error_too() {
    for line in [
        "--output json",
        "--output json shwo",
        "shwo --output=json",
        "reserve -o json",
        "release -ojson",
        "show 1199995000 --output json",
        "show 11999950001 --unknown -o json",
        "audit --min-age soon --output json",
        "reserve --ddd 11 --index 1 --output json",
        "keys -o json",
        "--output json show 11999950001 --output json --output json",
    ] {
        let ended = run(&[], &line.split(' ').collect::<Vec<_>>());
        assert_eq!(error_of(&ended, 2)["code"], "usage", "{line}");
    }
    let missing = error_of(&run(&[], &["assign", "-o", "json"]), 2);
    assert_eq!(
        missing["errors"],
        json!([{ "field": "--sim", "message": "is required" }, { "field": "MSISDN", "message": "is required" }])
    );
    let plain = run(&[], &["shwo", "--", "--output", "json"]);
    assert!(plain.code == 2 && plain.stderr.starts_with("error: unrecognized subcommand"), "{plain:?}");
    for (line, part) in [("--output json --help", "Usage:"), ("--version -o json", "oss ")] {
        let ended = run(&[], &line.split(' ').collect::<Vec<_>>());
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{line}");
        assert!(ended.stdout.contains(part), "{line}: {ended:?}");
    }
}

#[test]
fn several_faults_are_an_array() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list.csv");
    std::fs::write(&list, "location_cnl,ddd\n1,11\n2,00\nx,11\n").unwrap();
    let ended = run(&[], &["-o", "json", "ddd", "import", list.to_str().unwrap()]);
    let error = error_of(&ended, 2);
    let places = |errors: &Value| -> Vec<(Value, Value)> {
        let errors = errors.as_array().expect("an array");
        errors.iter().map(|fault| (fault["file"].clone(), fault["line"].clone())).collect()
    };
    assert_eq!(error["code"], "import-faults");
    assert_eq!(
        places(&error["errors"]),
        [(json!("list.csv"), json!(3)), (json!("list.csv"), json!(4))],
        "{error}"
    );
    assert!(error["errors"][0]["message"].as_str().unwrap().contains("expected a DDD"), "{error}");

    let ended = run(&[("OSS_PREVIEW_TTL", "soon")], &["-o", "json", "preview", "--ddd", "11"]);
    let error = error_of(&ended, 2);
    assert_eq!(error["code"], "configuration");
    let messages: Vec<_> =
        error["errors"].as_array().unwrap().iter().map(|fault| &fault["message"]).collect();
    assert_eq!(messages.len(), 4, "{error}");
    assert!(
        messages.iter().any(|message| message.as_str().unwrap().starts_with("OSS_PREVIEW_TTL")),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_need_the_database_alone_need_no_sigan() {
    let database = Database::sqlite().await;
    let sigan = SiganMock::new(Inventory::new("PR")).start().await;
    let sigan_url = sigan.url().to_string();
    let all = [
        ("OSS_DATABASE_URL", database.url()),
        ("OSS_SIGAN_URL", sigan_url.as_str()),
        ("OSS_SIGAN_BRAND_ID", "acme"),
    ];
    assert_eq!(run_beside(&all, &["reserve", "--ddd", "11"]).await.code, 0);
    drop(sigan);
    let settings = &all[..1];
    let sim = database.add_sim().await.to_string();
    for arguments in [
        &["migrate"][..],
        &["show", "11999950001"],
        &["ddd", "11"],
        &["brands"],
        &["models", "apple"],
        &["esim", "--device-code", "iPhone15,2"],
        &["assign", "11999950001", "--sim", &sim],
    ] {
        let ended = run(settings, arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{arguments:?}: {ended:?}");
    }
    let shown = run(settings, &["show", "11999950001", "-o", "json"]).json();
    assert_eq!(shown["status"], "IN_USE");
    assert_eq!(run(&[], &["keys", "new", "shop"]).code, 0, "it does not even need a database");
    let given = [settings[0], ("OSS_SIGAN_URL", "nonsense")];
    let checked = run(&given, &["show", "11999950001"]);
    assert!(
        checked.code == 2 && checked.stderr.contains("OSS_SIGAN_URL"),
        "what is given is checked: {checked:?}"
    );
    let needs_sigan = run(settings, &["release", "11999950001"]);
    assert!(needs_sigan.code == 2 && needs_sigan.stderr.contains("OSS_SIGAN_URL"), "{needs_sigan:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_says_that_the_sandbox_is_in_use() {
    let sandbox = Sandbox::new();
    let dir = sandbox.0.path().to_str().expect("a path of ASCII");
    let spawn = |arguments: &[&str]| {
        let mut command = oss(&[("OSS_SANDBOX_DIR", dir)]);
        command.arg("--sandbox").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        Mortal(command.spawn().expect("oss runs"))
    };
    let mut first = spawn(&["sweep", "--watch"]);
    let lock = sandbox.0.path().join("lock");
    let id = first.0.id().to_string();
    let has_lock = || std::fs::read_to_string(&lock).is_ok_and(|holder| holder.trim() == id);
    eventually(async || {
        assert!(first.0.try_wait().unwrap().is_none(), "it runs until it is stopped");
        has_lock().then_some(()).ok_or("it does not say that it has the sandbox")
    })
    .await;
    let mut second = spawn(&["reserve", "--ddd", "11"]);
    let mut line = String::new();
    let mut stderr = BufReader::new(second.0.stderr.take().unwrap());
    stderr.read_line(&mut line).unwrap();
    for part in ["Another process", &id, dir, "nothing has been done"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    signal(first.0.id(), "INT");
    assert!(first.0.wait().unwrap().success());
    assert!(second.0.wait().unwrap().success(), "then it is its turn");
}

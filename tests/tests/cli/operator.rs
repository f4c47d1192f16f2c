//! The commands for operators that change nothing: versions, completions, manual pages, settings, the doctor, and NDJSON.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use oss_core::gsim::mock::{GsimMock, OrderBook};
use oss_core::sigan::mock::{Inventory, RunningSigan, SiganMock};
use oss_tests::backend::Database;
use oss_tests::cli::{Ended, oss, run, run_beside};
use oss_tests::process::{Mortal, signal};
use serde_json::{Value, json};

#[test]
fn the_version_names_the_commit() {
    for line in ["--version", "show --version"] {
        let shown = run(&[], &line.split(' ').collect::<Vec<_>>());
        let (_, commit) = shown.stdout.split_once("(commit ").expect("a commit");
        let commit = commit.trim_end().strip_suffix(')').expect("a bracket");
        let is_hash = commit.len() >= 12 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_hash || commit == "unknown", "{shown:?}");
    }
}

#[test]
fn a_shell_completes_commands_and_options() {
    let script = run(&[], &["completions", "bash"]);
    assert_eq!((script.code, script.stderr.as_str()), (0, ""), "{script:?}");
    let complete = r#"complete() { :; }; . /dev/stdin; COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=();
        _oss oss "${COMP_WORDS[$COMP_CWORD]}" ""; echo "${COMPREPLY[@]}""#;
    for (line, expected) in [("oss sho", "show"), ("oss audit --mi", "--min-age"), ("oss config ch", "check")]
    {
        let mut bash = Command::new("bash");
        bash.args(["-c", complete, "bash", line]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut bash = bash.spawn().expect("bash runs");
        bash.stdin
            .take()
            .expect("it is piped")
            .write_all(script.stdout.as_bytes())
            .expect("it reads the script");
        let output = bash.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{line}");
    }
    for (shell, part) in [("zsh", "#compdef oss"), ("fish", "complete -c oss")] {
        let script = run(&[], &["completions", shell]);
        assert!(
            script.code == 0 && script.stdout.contains(part) && script.stdout.contains("doctor"),
            "{shell}"
        );
    }
    assert_eq!(run(&[], &["completions", "tcsh"]).code, 2);
}

#[test]
fn each_command_has_a_manual_page() {
    let page = run(&[], &["man"]);
    assert!(page.code == 0 && page.stdout.contains(".TH oss 1"), "{page:?}");
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("man1");
    let written = run(&[], &["man", pages.to_str().unwrap()]);
    assert_eq!((written.code, written.stdout.as_str()), (0, ""), "{written:?}");
    for (file, part) in [("oss.1", "doctor"), ("oss-show.1", "watch"), ("oss-sim-code.1", "QR code")] {
        let text =
            std::fs::read_to_string(pages.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(part), "{file}: {text}");
    }
    let refused = run(&[], &["man", "/dev/null/man1"]);
    assert!(refused.code == 2 && refused.stderr.contains("/dev/null/man1"), "{refused:?}");
}

/// A setting of `oss config check`.
fn setting<'a>(checked: &'a Value, name: &str) -> &'a Value {
    let settings = checked["settings"].as_array().expect("a list");
    settings.iter().find(|setting| setting["name"] == name).unwrap_or_else(|| panic!("{name} is not listed"))
}

#[test]
fn each_setting_is_listed_with_its_origin_and_without_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("oss.toml");
    let file = file.to_str().unwrap();
    std::fs::write(file, "[sigan]\nurl = \"https://sigan.example\"\ntoken = \"s3cret-t0ken\"\n").unwrap();
    let settings = [
        ("OSS_SIGAN_BRAND_ID", "acme"),
        ("OSS_CONFIG", file),
        ("OSS_REDIS_URL", "redis://us:s3cret@cache:6379/1"),
    ];
    let url = "postgres://oss:s3cret@db/oss";
    let check = ["--database-url", url, "config", "check"];
    let checked = run(&settings, &[&check[..], &["-o", "json"]].concat());
    assert_eq!((checked.code, checked.stderr.as_str()), (0, ""), "{checked:?}");
    let listed = checked.json();
    for (name, value, origin) in [
        ("database.url", "postgres://…@db/oss", "flag"),
        ("database.pool", "10", "default"),
        ("redis.url", "redis://…@cache:6379/1", "environment"),
        ("sigan.url", "https://sigan.example", "file"),
        ("sigan.brand_id", "acme", "environment"),
        ("sigan.token", "(hidden)", "file"),
    ] {
        let setting = setting(&listed, name);
        assert_eq!((&setting["value"], &setting["origin"]), (&json!(value), &json!(origin)), "{setting}");
    }
    assert_eq!(setting(&listed, "sigan.url")["file"], file);
    assert_eq!(setting(&listed, "gsim.url")["origin"], Value::Null);
    let table = run(&settings, &check);
    for text in [&table.stdout, &checked.stdout] {
        assert!(!text.contains("s3cret"), "{text}");
    }
    assert!(table.stdout.contains("sigan.token") && table.stdout.contains("(hidden)"), "{table:?}");
}

#[test]
fn a_wrong_setting_is_listed_and_reported() {
    let settings = [("OSS_DATABASE_URL", "postgres://oss:s3cret#@db/oss"), ("OSS_SIGAN_TIMEOUT", "s3cret")];
    let checked = run(&settings, &["config", "check", "-o", "json"]);
    assert_eq!(checked.code, 2, "{checked:?}");
    for name in ["database.url", "sigan.timeout"] {
        let listed = checked.json();
        let setting = setting(&listed, name);
        assert_eq!(
            (&setting["value"], &setting["origin"]),
            (&Value::Null, &json!("environment")),
            "{setting}"
        );
    }
    let error: Value = serde_json::from_str(&checked.stderr).expect("the error is JSON");
    // Both faults, and the two settings that must be set.
    assert_eq!(error["error"]["errors"].as_array().map(Vec::len), Some(4), "{error}");
    let table = run(&settings, &["config", "check"]);
    assert!(table.code == 2 && table.stderr.contains("OSS_SIGAN_TIMEOUT: expected a time"), "{table:?}");
    for text in [&checked.stdout, &checked.stderr, &table.stdout, &table.stderr] {
        assert!(!text.contains("s3cret"), "{text}");
    }
}

/// A database and a Sigan that a doctor looks at.
struct Patient {
    database: Database,
    sigan: RunningSigan,
}

impl Patient {
    async fn on(database: Database) -> Self {
        Self { database, sigan: SiganMock::new(Inventory::new("PR")).start().await }
    }

    async fn diagnosis(&self, more: &[(&str, &str)]) -> Ended {
        let sigan = self.sigan.url().to_string();
        let mut settings = vec![
            ("OSS_DATABASE_URL", self.database.url()),
            ("OSS_SIGAN_URL", &sigan),
            ("OSS_SIGAN_BRAND_ID", "acme"),
        ];
        settings.extend(more);
        run_beside(&settings, &["doctor", "-o", "json"]).await
    }
}

/// The result and the message of a check.
fn check(diagnosis: &Ended, name: &str) -> (String, String) {
    let document = diagnosis.json();
    let checks = document["checks"].as_array().expect("a list");
    let found = checks.iter().find(|check| check["name"] == name);
    let found = found.unwrap_or_else(|| panic!("{name} is not checked: {diagnosis:?}"));
    let text = |field: &str| found[field].as_str().expect("a text").to_owned();
    (text("result"), text("message"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_everything_well() {
    let patient = Patient::on(Database::postgres().await).await;
    let gsim = GsimMock::new(OrderBook::new()).start().await;
    let diagnosis = patient.diagnosis(&[("OSS_GSIM_URL", gsim.url().as_str())]).await;
    assert_eq!((diagnosis.code, diagnosis.json()["healthy"].as_bool()), (0, Some(true)), "{diagnosis:?}");
    for (name, part) in [
        ("program", "(commit "),
        ("database", "PostgreSQL 1"),
        ("tables", "this version"),
        ("encoding", "UTF8"),
        ("connections", "a server's pool takes 10"),
        ("clock", "that of the database agrees"),
        ("Sigan", "brand acme"),
        ("GSIM", "brand acme"),
        ("Redis", "not set"),
    ] {
        let (result, message) = check(&diagnosis, name);
        assert!(result == "ok" && message.contains(part), "{name}: {result} {message}");
    }
    let patient = Patient::on(Database::sqlite().await).await;
    let diagnosis = patient.diagnosis(&[]).await;
    assert_eq!(diagnosis.code, 0, "{diagnosis:?}");
    assert!(check(&diagnosis, "database").1.starts_with("SQLite 3"), "{diagnosis:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_what_fails_and_what_to_do() {
    let patient = Patient::on(Database::postgres().await).await;
    for (setting, code, name, result, part) in [
        (("OSS_SIGAN_URL", "http://127.0.0.1:1"), 5, "Sigan", "failure", "not reachable; check sigan.url"),
        (("OSS_GSIM_URL", "http://127.0.0.1:1"), 5, "GSIM", "failure", "not reachable; check gsim.url"),
        (("OSS_REDIS_URL", "redis://127.0.0.1:1"), 0, "Redis", "warning", "go to the database"),
        (("OSS_DATABASE_POOL", "1000"), 6, "connections", "failure", "lower database.pool"),
        (("OSS_DATABASE_URL", "postgres://oss@127.0.0.1:1/oss"), 6, "database", "failure", "nothing listens"),
    ] {
        let diagnosis = patient.diagnosis(&[setting]).await;
        assert_eq!(diagnosis.code, code, "{diagnosis:?}");
        let (found, message) = check(&diagnosis, name);
        assert!(found == result && message.contains(part), "{name}: {found} {message}");
        assert_eq!(diagnosis.json()["healthy"], code == 0);
    }
    let refused = run(&[], &["doctor"]);
    assert!(refused.code == 2 && refused.stderr.contains("OSS_DATABASE_URL"), "{refused:?}");
    let patient = Patient::on(Database::existing_unmigrated().await).await;
    let diagnosis = patient.diagnosis(&[]).await;
    assert_eq!((diagnosis.code, check(&diagnosis, "tables").0.as_str()), (6, "failure"), "{diagnosis:?}");
    assert!(check(&diagnosis, "tables").1.contains("oss migrate"), "{diagnosis:?}");
}

fn in_sandbox(dir: &str, arguments: &[&str]) -> Ended {
    run(&[("OSS_SANDBOX_DIR", dir)], &[&["--sandbox"], arguments].concat())
}

#[test]
fn a_list_has_an_entry_on_each_line() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().to_str().unwrap();
    let ndjson = |arguments: &[&str]| {
        let ended = in_sandbox(dir, &[arguments, &["--output", "ndjson"]].concat());
        let entries: Vec<Value> =
            ended.stdout.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
        (ended.code, entries)
    };
    for (arguments, list) in [(&["brands"][..], "brands"), (&["models", "apple"], "models")] {
        let whole = in_sandbox(dir, &[arguments, &["--output", "json"]].concat()).json();
        let (code, entries) = ndjson(arguments);
        assert!(code == 0 && entries.len() > 1, "{arguments:?}: {entries:?}");
        assert_eq!(json!(entries), whole[list], "{arguments:?}");
    }
    assert_eq!(ndjson(&["sim", "find", "--msisdn", "11999950001"]), (0, vec![]), "no line for no entry");
    let reserved = json!({ "msisdn": "11999950001" });
    let (_, entries) = ndjson(&["reserve", "--ddd", "11"]);
    assert_eq!(entries[0]["msisdn"], reserved["msisdn"]);
    let (code, entries) = ndjson(&["release", "11999950001", "11999990000"]);
    assert_eq!(
        (code, &entries[0]),
        (3, &json!({ "msisdn": "11999950001", "outcome": "released", "dryRun": false }))
    );
    assert_eq!(entries[1]["error"]["code"], "unknown-number");
    let failed = in_sandbox(dir, &["show", "11999990000", "-o", "ndjson"]);
    let error: Value = serde_json::from_str(&failed.stderr).expect("the error is JSON");
    assert_eq!((failed.code, &error["error"]["code"]), (3, &json!("unknown-number")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_writes_a_difference_on_each_line() {
    let database = Database::sqlite().await;
    let sigan = || async { SiganMock::new(Inventory::new("PR")).start().await };
    let run_on = async |sigan: &RunningSigan, arguments: &[&str]| {
        let url = sigan.url().to_string();
        let settings = [
            ("OSS_DATABASE_URL", database.url()),
            ("OSS_SIGAN_URL", url.as_str()),
            ("OSS_SIGAN_BRAND_ID", "acme"),
        ];
        run_beside(&settings, arguments).await
    };
    let first = sigan().await;
    for _ in 0..2 {
        assert_eq!(run_on(&first, &["reserve", "--ddd", "11"]).await.code, 0);
    }
    let audited = run_on(&sigan().await, &["audit", "--min-age", "0s", "-o", "ndjson"]).await;
    assert_eq!(audited.code, 4, "{audited:?}");
    let lines: Vec<Value> = audited.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [one, other, report] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&one["msisdn"], &other["msisdn"]), (&json!("11999950001"), &json!("11999950002")));
    assert_eq!((&report["held"], &report["differences"]), (&json!(2), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_number_is_shown_when_it_changes() {
    let (database, sigan) = (Database::sqlite().await, SiganMock::new(Inventory::new("PR")).start().await);
    let url = sigan.url().to_string();
    let settings = [
        ("OSS_DATABASE_URL", database.url()),
        ("OSS_SIGAN_URL", url.as_str()),
        ("OSS_SIGAN_BRAND_ID", "acme"),
    ];
    assert_eq!(run_beside(&settings, &["show", "11999950001", "--watch"]).await.code, 3, "it is unknown");
    assert_eq!(run_beside(&settings, &["reserve", "--ddd", "11"]).await.code, 0);
    let mut command = oss(&settings);
    command.args(["show", "11999950001", "--watch", "-o", "json"]).stdout(Stdio::piped());
    let mut watching = Mortal(command.spawn().expect("oss runs"));
    let mut lines = BufReader::new(watching.0.stdout.take().expect("it is piped")).lines();
    let mut status = || {
        let line = lines.next().expect("a line").expect("it is UTF-8");
        serde_json::from_str::<Value>(&line).expect("it is JSON")["status"].clone()
    };
    tokio::task::block_in_place(|| assert_eq!(status(), "RESERVED"));
    assert_eq!(run_beside(&settings, &["release", "11999950001"]).await.code, 0);
    tokio::task::block_in_place(|| assert_eq!(status(), "RETURNED"));
    signal(watching.0.id(), "INT");
    assert_eq!(watching.0.wait().expect("it ends").code(), Some(0));
}

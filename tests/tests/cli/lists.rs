//! `oss list` and bulk releases.

use std::io::Write;
use std::process::{Output, Stdio};

use oss_tests::cli::{Ended, oss, run};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A sandbox in a folder of its own, with five held numbers.
struct Sandbox(TempDir);

impl Sandbox {
    fn with_numbers() -> Self {
        let sandbox = Self(tempfile::tempdir().expect("a folder"));
        for _ in 0..5 {
            assert_eq!(sandbox.run(&["reserve", "--ddd", "11"]).code, 0);
        }
        sandbox
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let dir = self.0.path().to_str().expect("a path of ASCII");
        run(&[("OSS_SANDBOX_DIR", dir)], &[&["--sandbox"], arguments].concat())
    }
}

#[test]
fn numbers_are_listed_in_each_form() {
    let sandbox = Sandbox::with_numbers();
    let table = sandbox.run(&["list", "--status", "RESERVED", "--limit", "3"]);
    assert_eq!(table.code, 0, "{table:?}");
    assert!(table.stdout.contains("11999950003") && !table.stdout.contains("11999950004"), "{table:?}");
    let next = table.stdout.trim().rsplit(' ').next().unwrap().to_owned();
    let rest = sandbox.run(&["list", "--status", "RESERVED", "--after", &next, "--output", "json"]).json();
    let numbers: Vec<&Value> =
        rest["numbers"].as_array().unwrap().iter().map(|number| &number["msisdn"]).collect();
    assert_eq!(numbers, [&json!("11999950004"), &json!("11999950005")]);
    assert_eq!(rest["next"], Value::Null);
    let csv = sandbox.run(&["list", "--state", "HELD", "--all", "--output", "csv"]).stdout;
    assert_eq!(csv.lines().count(), 6, "{csv}");
    assert!(csv.starts_with("msisdn,status,state,"), "{csv}");
    let lines = sandbox.run(&["list", "--ddd", "11", "--all", "--output", "ndjson"]).stdout;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[4]["state"]), (5, &json!("HELD")));
}

#[test]
fn numbers_on_standard_input_are_released() {
    let sandbox = Sandbox::with_numbers();
    let with_input = |arguments: &[&str], input: &str| {
        let dir = sandbox.0.path().to_str().expect("a path of ASCII");
        let mut command = oss(&[("OSS_SANDBOX_DIR", dir)]);
        command.args(["--sandbox", "--output", "json"]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("oss runs");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let json = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).unwrap();
    let input = "11999950001\n\n+55 (11) 99995-0002\n11999959999\n";
    let tried = with_input(&["release", "-", "--dry-run"], input);
    assert_eq!((tried.status.code(), &json(&tried)["dryRun"]), (Some(3), &json!(true)), "{tried:?}");
    assert_eq!(json(&tried)["released"], json!(["11999950001", "11999950002"]));
    assert_eq!(
        sandbox.run(&["show", "11999950001", "-o", "json"]).json()["status"],
        "RESERVED",
        "nothing changed"
    );

    let wrong = with_input(&["release", "-"], "11999950001\nnonsense\n");
    let error = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(error.contains("line 2") && !error.contains("nonsense"), "{error}");
    assert_eq!(
        sandbox.run(&["show", "11999950001", "-o", "json"]).json()["status"],
        "RESERVED",
        "none is released"
    );

    let done = with_input(&["release", "-", "11999950003"], input);
    assert_eq!(done.status.code(), Some(3), "that of the first failure");
    assert_eq!(json(&done)["released"], json!(["11999950001", "11999950002", "11999950003"]));
    assert_eq!(json(&done)["failed"][0]["error"]["code"], "unknown-number");
    let again = with_input(&["release", "-"], "11999950001\n");
    assert_eq!((again.status.code(), &json(&again)["alreadyReleased"]), (Some(0), &json!(["11999950001"])));
}

#[test]
fn a_filter_that_no_index_serves_is_refused() {
    let sandbox = Sandbox::with_numbers();
    let both = sandbox.run(&["list", "--status", "RESERVED", "--state", "HELD"]);
    assert_eq!(both.code, 2, "{both:?}");
    assert!(both.stderr.contains("--status"), "{both:?}");
    let other = sandbox.run(&["show", "11999950001", "--output", "csv"]);
    assert_eq!(other.code, 2, "{other:?}");
    assert!(other.stderr.contains("oss list"), "{other:?}");
}

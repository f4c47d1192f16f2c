//! `oss list` and bulk releases.

use oss_tests::cli::{Ended, run};
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
fn a_filter_that_no_index_serves_is_refused() {
    let sandbox = Sandbox::with_numbers();
    let both = sandbox.run(&["list", "--status", "RESERVED", "--state", "HELD"]);
    assert_eq!(both.code, 2, "{both:?}");
    assert!(both.stderr.contains("--status"), "{both:?}");
    let other = sandbox.run(&["show", "11999950001", "--output", "csv"]);
    assert_eq!(other.code, 2, "{other:?}");
    assert!(other.stderr.contains("oss list"), "{other:?}");
}

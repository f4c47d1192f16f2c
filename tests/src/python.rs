//! The Python tools that `tests/install` puts into `target/venv`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One of the Python tools.
#[must_use]
pub fn tool(name: &str) -> Command {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/venv/bin")).join(name);
    assert!(path.exists(), "{} is missing; tests/run installs it", path.display());
    Command::new(path)
}

/// Runs a command that has to succeed, and returns its standard output.
pub fn run_successfully(command: &mut Command) -> String {
    let ended = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{command:?} failed:\n{stdout}\n{stderr}");
    stdout.into_owned()
}

/// The documents of a YAML file.
#[must_use]
pub fn yaml(path: &Path) -> Vec<Value> {
    const READ: &str = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1], encoding='utf-8')))))";
    let json = run_successfully(tool("python").args(["-c", READ]).arg(path));
    serde_json::from_str(&json).expect("Python writes JSON")
}

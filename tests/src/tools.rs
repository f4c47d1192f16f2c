//! Tools of other languages that read the server's document. `tests/run` installs them under `target/`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of this workspace, by its path from the top.
#[must_use]
pub fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A tool that was installed under `target/`.
///
/// # Panics
///
/// Where it is missing.
#[must_use]
pub fn tool(path: &str) -> Command {
    let tool = file("target").join(path);
    assert!(tool.exists(), "{path} is missing; tests/run installs it");
    Command::new(tool)
}

/// Runs a command to its end and gives what it wrote.
///
/// # Panics
///
/// Where it fails, with all that it wrote.
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{text}");
    text.into_owned()
}

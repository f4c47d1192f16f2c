//! Tells the program the commit that it is built from, for `--version`.

use std::path::Path;
use std::process::Command;

/// The variable that names the commit where git cannot, as in the build of an image.
const VARIABLE: &str = "OSS_COMMIT";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    // A commit or a checkout changes this file. A file that is not there would run the script at each build.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| Path::new(log).exists());
    if let Some(log) = log {
        println!("cargo::rerun-if-changed={log}");
    }
    println!("cargo::rustc-env={VARIABLE}={}", commit());
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is the environment of the build, and not that of the program"
)]
fn commit() -> String {
    let named = std::env::var(VARIABLE).ok().filter(|commit| !commit.is_empty());
    let of_git = || git(&["rev-parse", "--short=12", "HEAD"]);
    named.or_else(of_git).unwrap_or_else(|| "unknown".to_owned())
}

/// The answer of git; none without git, or outside a repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    let answer = String::from_utf8(output.stdout).ok()?;
    Some(answer.trim().to_owned()).filter(|answer| !answer.is_empty())
}

//! The built command line, as a process.

use std::process::{Command, Output};

use serde_json::Value;

use crate::process::built;

/// The binary with an environment of its own.
#[must_use]
pub fn oss(settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(built("oss"));
    command.env_clear().envs(settings.iter().copied());
    command
}

/// The result of a command.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Ended {
    /// Standard output as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs a command line to its end.
#[must_use]
pub fn run(settings: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let Output { status, stdout, stderr } = oss(settings).args(arguments).output().expect("oss runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("what it writes is UTF-8");
    Ended { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
}

/// Runs a command line to its end while the test's own runtime serves Sigan. The runtime's threads must not wait for a process, so
/// another thread does.
pub async fn run_beside(settings: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let owned = |text: &str| text.to_owned();
    let settings: Vec<_> = settings.iter().map(|(name, value)| (owned(name), owned(value))).collect();
    let arguments: Vec<_> = arguments.iter().map(|argument| owned(argument)).collect();
    let command = tokio::task::spawn_blocking(move || {
        let settings: Vec<_> = settings.iter().map(|(name, value)| (&**name, &**value)).collect();
        run(&settings, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    });
    command.await.expect("the command runs")
}

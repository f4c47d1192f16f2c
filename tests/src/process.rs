//! Processes that end with the test, even if the test is killed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use tokio::net::TcpStream;

use crate::eventually::eventually;

/// A shell that runs a program. It stops the program when its own standard input is closed, because the test's process is gone then.
#[derive(Debug)]
pub struct Guarded {
    shell: Child,
}

impl Guarded {
    /// Runs `command` (a program and its arguments) as `user`, or as the current user. The shell ends it with the script `stop`, in
    /// which the variables `pid` and `dir` name the process and its folder.
    #[must_use]
    pub fn start(command: &[&str], stop: &str, user: Option<&str>, dir: &Path) -> Self {
        // `cat` ends when the write end of its standard input is closed, which the kernel does for a dead process.
        // The kernel also sends SIGHUP to the shell then, if some process of the group is frozen.
        let script = format!(
            r#"dir=$1; shift; "$@" </dev/null >"$dir/log" 2>&1 & pid=$!; trap '' HUP; cat >/dev/null; {stop}; wait $pid; rm -rf "$dir""#
        );
        let mut shell = as_user(user);
        shell.args(["sh", "-c", &script, "guard"]).arg(dir).args(command);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let shell = shell.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        Self { shell }
    }

    /// The output of the program.
    #[must_use]
    pub fn log(dir: &Path) -> String {
        std::fs::read_to_string(dir.join("log")).unwrap_or_default()
    }

    /// Stops the program and waits for it.
    pub fn stop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A child that is killed when it is dropped, even if a test fails.
#[derive(Debug)]
pub struct Mortal(pub Child);

impl Drop for Mortal {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command that runs as a user, if we are root.
#[must_use]
pub fn as_user(user: Option<&str>) -> Command {
    match user {
        Some(user) if is_root() => {
            let mut command = Command::new("runuser");
            command.args(["-u", user, "--"]);
            command
        }
        _ => Command::new("env"),
    }
}

/// A command that runs as root, through `sudo` if we are not root.
#[must_use]
pub fn as_root(program: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

/// A port that nothing listens on. No other call in this process returns it. It is below the ports that the kernel gives to
/// outgoing connections, because one of those could take it before a server does, or while the server is stopped.
#[must_use]
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let port = fastrand::u16(12_000..32_000);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && given.insert(port) {
            return port;
        }
    }
}

/// Waits until a server listens on a port of this machine. If it does not, the failure shows `log`.
pub(crate) async fn wait_until_listening(port: u16, log: impl Fn() -> String) {
    eventually(async || {
        let connected = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
        connected.map_err(|error| format!("port {port}: {error}\n{}", log()))
    })
    .await;
}

/// A program on the path, or in one of `folders`.
#[must_use]
pub fn program(name: &str, folders: &[PathBuf], package: &str) -> PathBuf {
    let path = Command::new("sh").args(["-c", &format!("command -v {name}")]).output();
    let on_path = path
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().into());
    let in_folders = folders.iter().map(|folder| folder.join(name)).find(|candidate| candidate.exists());
    in_folders
        .or(on_path)
        .unwrap_or_else(|| panic!("{name} is missing; tests/run installs it (Debian package {package})"))
}

/// A binary of this workspace, built with the test.
#[must_use]
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    // target/debug/deps/test-1234 → target/debug/name
    let path = test.ancestors().nth(2).map(|folder| folder.join(name)).unwrap_or_default();
    assert!(path.exists(), "{} is not built; run cargo build --workspace first", path.display());
    path
}

/// The folder where `tests/run` puts the programs that Debian's packages lack.
#[must_use]
pub(crate) fn built_tools() -> PathBuf {
    // target/debug/deps/test-1234 → target/tools
    let test = std::env::current_exe().unwrap_or_default();
    test.ancestors().nth(3).map(|target| target.join("tools")).unwrap_or_default()
}

/// An address at which a server can be stopped and started again.
#[must_use]
pub fn steady_address() -> String {
    format!("{}:{}", Ipv4Addr::LOCALHOST, free_port())
}

/// Sends a signal to a process.
pub fn signal(pid: u32, signal: &str) {
    let mut target = String::new();
    let _ = write!(target, "{pid}");
    let _ = Command::new("kill").args([&format!("-{signal}"), &target]).status();
}

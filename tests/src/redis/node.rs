//! One process of Redis: a server or a sentinel.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::process::{Guarded, free_port, program, signal};

/// A running process. Dropping it stops it.
#[derive(Debug)]
pub(super) struct Node {
    port: u16,
    settings: String,
    pid: u32,
    frozen: bool,
    process: Guarded,
    dir: PathBuf,
}

impl Node {
    /// Starts a process on a free port, with the lines of its configuration beyond what all have.
    pub(super) async fn start(settings: &str) -> Self {
        for _ in 0..5 {
            if let Some(node) = Self::serve(free_port(), settings).await {
                return node;
            }
        }
        panic!("Redis did not start");
    }

    /// Starts it again after [`Node::stop`], empty, at the same address.
    pub(super) async fn start_again(&mut self) {
        *self = Self::serve(self.port, &self.settings).await.expect("its port is still free");
    }

    async fn serve(port: u16, settings: &str) -> Option<Self> {
        let redis = program("redis-server", &[], "redis-server").display().to_string();
        // The guard removes the folder.
        let dir = tempfile::Builder::new().prefix("oss-redis-").tempdir().expect("a folder").keep();
        let (pid_file, file) = (dir.join("pid"), dir.join("redis.conf"));
        let text = format!(
            "bind 127.0.0.1\nport {port}\npidfile {}\ndir {}\nsave \"\"\nappendonly no\n{settings}\n",
            pid_file.display(),
            dir.display()
        );
        std::fs::write(&file, text).expect("the configuration is written");
        let file = file.display().to_string();
        // A sentinel is told by what it is to watch.
        let mode: &[&str] = if settings.contains("sentinel ") { &["--sentinel"] } else { &[] };
        let command = [&[redis.as_str(), &file], mode].concat();
        let process = Guarded::start(&command, "kill -TERM $pid", None, &dir);
        let pid = listening(port, &pid_file).await?;
        Some(Self { port, settings: settings.to_owned(), pid, frozen: false, process, dir })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`
    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it answers to a command; also an error is an answer.
    pub(super) fn ask(&self, command: &[&str]) -> String {
        let mut client = Command::new(program("redis-cli", &[], "redis-tools"));
        client.args(["--no-auth-warning", "-p", &self.port.to_string()]).args(command);
        let password = self.settings.lines().find_map(|line| line.strip_prefix("requirepass "));
        client.envs(password.map(|password| ("REDISCLI_AUTH", password)));
        let asked = client.output().expect("redis-cli runs");
        String::from_utf8_lossy(&asked.stdout).trim().to_owned()
    }

    /// Waits until its answer to a command has a text.
    pub(super) async fn comes_to(&self, command: &[&str], text: &str) {
        let begun = Instant::now();
        loop {
            let answer = self.ask(command);
            if answer.contains(text) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "{command:?}: {answer} and not {text}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Lets it answer no more, with its connections open.
    pub(super) fn freeze(&mut self) {
        self.frozen = true;
        signal(self.pid, "STOP");
    }

    /// Lets it answer again.
    pub(super) fn thaw(&mut self) {
        if std::mem::take(&mut self.frozen) {
            signal(self.pid, "CONT");
        }
    }

    /// Stops it.
    pub(super) fn stop(&mut self) {
        self.thaw();
        self.process.stop();
        assert!(!self.dir.exists(), "the guard removes the folder");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A frozen process hears no other signal.
        self.thaw();
    }
}

/// The process that listens on a port, once it does.
async fn listening(port: u16, pid_file: &Path) -> Option<u32> {
    for _ in 0..200 {
        let answers = std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        let pid = std::fs::read_to_string(pid_file).ok().and_then(|pid| pid.trim().parse().ok());
        if let (true, Some(pid)) = (answers, pid) {
            return Some(pid);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}

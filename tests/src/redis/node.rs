//! A process of Redis: a server or a sentinel.

use std::path::PathBuf;
use std::process::Command;

use crate::eventually::eventually;
use crate::process::{Guarded, free_port, program, signal, wait_until_listening};

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
    /// Starts a process on a free port, with lines of configuration in addition to the common ones.
    pub(super) async fn start(settings: &str) -> Self {
        Self::serve(free_port(), settings).await
    }

    /// Starts it again after [`Node::stop`], empty, at the same address.
    pub(super) async fn start_again(&mut self) {
        *self = Self::serve(self.port, &self.settings).await;
    }

    async fn serve(port: u16, settings: &str) -> Self {
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
        // The settings of a sentinel name the master that it watches.
        let mode: &[&str] = if settings.contains("sentinel ") { &["--sentinel"] } else { &[] };
        let command = [&[redis.as_str(), &file], mode].concat();
        let process = Guarded::start(&command, "kill -TERM $pid", None, &dir);
        wait_until_listening(port, || Guarded::log(&dir)).await;
        let read_pid = async || std::fs::read_to_string(&pid_file).unwrap_or_default().trim().parse();
        let pid = eventually(read_pid).await;
        Self { port, settings: settings.to_owned(), pid, frozen: false, process, dir }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`
    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its answer to a command, which may be an error.
    pub(super) fn ask(&self, command: &[&str]) -> String {
        let mut client = Command::new(program("redis-cli", &[], "redis-tools"));
        client.args(["--no-auth-warning", "-p", &self.port.to_string()]).args(command);
        let password = self.settings.lines().find_map(|line| line.strip_prefix("requirepass "));
        client.envs(password.map(|password| ("REDISCLI_AUTH", password)));
        let output = client.output().expect("redis-cli runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Waits until its answer to a command has a text.
    pub(super) async fn wait_for_answer(&self, command: &[&str], text: &str) {
        eventually(async || {
            let answer = self.ask(command);
            if answer.contains(text) { Ok(()) } else { Err(format!("{command:?}: {answer} and not {text}")) }
        })
        .await;
    }

    /// Stops it from answering, and keeps its connections open.
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
        // A frozen process does not get another signal.
        self.thaw();
    }
}

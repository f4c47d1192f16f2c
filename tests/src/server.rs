//! The built server, as a process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use oss_core::sigan::mock::{Inventory, RunningSigan, SiganMock};
use serde_json::Value;

use crate::backend::Database;
use crate::clients::ClientsFile;
use crate::eventually::eventually;
use crate::http::Http;
use crate::metrics::Scrape;
use crate::process::{built, signal};

/// The token that the server sends to Sigan. A test looks for it in the log.
pub const TOKEN: &str = "t0ken-of-the-tests";

/// A port that is free.
const ANY_PORT: &str = "127.0.0.1:0";

/// A running server and its whole log.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// A server on a database, with a Sigan of its own.
    pub async fn with_sigan(database: &Database, more: &[(&str, &str)]) -> (Self, RunningSigan) {
        let sigan = SiganMock::new(Inventory::new("PR")).start().await;
        let server = Self::start(database, sigan.url().as_str(), more);
        // Metrics are elsewhere, or under TLS, in tests of connections. None of them leaves a row due.
        if !more.iter().any(|(name, _)| ["OSS_ADMIN_LISTEN", "OSS_TLS_CERT"].contains(name)) {
            server.wait_until_swept().await;
        }
        (server, sigan)
    }

    /// Waits until the sweep at the start has ended. Later than that, a row that a test leaves due waits for the test.
    async fn wait_until_swept(&self) {
        let http = self.http();
        eventually(async || {
            let scrape = Scrape::of(&http).await;
            let swept = scrape.value("oss_operation_duration_seconds_count", &[("operation", "sweep")]);
            if swept >= 1.0 { Ok(()) } else { Err("no sweep has ended") }
        })
        .await;
    }

    /// A server for the clients of a file, on a database, with a Sigan of its own.
    pub async fn for_clients(
        database: &Database,
        clients: &ClientsFile,
        more: &[(&str, &str)],
    ) -> (Self, RunningSigan) {
        let sigan = SiganMock::new(Inventory::new("PR")).start().await;
        let mut command = Self::on(ANY_PORT, database, sigan.url().as_str(), more);
        command.arg("--config").arg(clients.path());
        (Self::spawn(command), sigan)
    }

    /// A sandbox, for the clients of a file.
    #[must_use]
    pub fn sandbox(clients: &ClientsFile, more: &[(&str, &str)]) -> Self {
        let mut command = Self::command();
        command.arg("--sandbox").arg("--config").arg(clients.path()).envs(more.iter().copied());
        Self::spawn(command)
    }

    /// A server on a database and a Sigan.
    #[must_use]
    pub fn start(database: &Database, sigan: &str, more: &[(&str, &str)]) -> Self {
        Self::start_at(ANY_PORT, database, sigan, more)
    }

    /// A server at an address, on a database and a Sigan.
    #[must_use]
    pub fn start_at(address: &str, database: &Database, sigan: &str, more: &[(&str, &str)]) -> Self {
        let mut command = Self::on(address, database, sigan, more);
        command.arg("--allow-anonymous");
        Self::spawn(command)
    }

    fn on(address: &str, database: &Database, sigan: &str, more: &[(&str, &str)]) -> Command {
        let settings = [
            ("OSS_DATABASE_URL", database.url()),
            ("OSS_SIGAN_URL", sigan),
            ("OSS_SIGAN_BRAND_ID", "acme"),
            ("OSS_SIGAN_TOKEN", TOKEN),
            // A test that waits for a sweep sets another interval.
            ("OSS_SWEEP_INTERVAL", "1h"),
            // A test with a load balancer sets another time.
            ("OSS_DRAIN", "0s"),
        ];
        let mut command = Self::command_at(address);
        command.envs(settings).envs(more.iter().copied());
        command
    }

    /// The binary on a free port, with an empty environment and a log that can be read.
    #[must_use]
    pub fn command() -> Command {
        Self::command_at(ANY_PORT)
    }

    fn command_at(address: &str) -> Command {
        let mut command = Command::new(built("oss-server"));
        command.env_clear().env("OSS_LOG_FORMAT", "json").args(["--listen", address]);
        command
    }

    /// Starts a command made from [`Server::command`].
    #[must_use]
    pub fn spawn(mut command: Command) -> Self {
        let mut child =
            command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the server starts");
        let lines = BufReader::new(child.stderr.take().expect("its log is piped")).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (sender, address) = mpsc::channel();
        let lines_so_far = log.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let address = listening(&line, "address");
                // The receiver of the address may look for the line.
                lines_so_far.lock().expect("nobody panics with the log").push(line);
                if let Some(address) = address {
                    let _ = sender.send(address);
                }
            }
        });
        let address = address.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| {
            let _ = child.kill();
            panic!("the server did not listen: {:?}", log.lock())
        });
        Self { child, address, log }
    }

    /// A client of the server.
    #[must_use]
    pub fn http(&self) -> Http {
        Http::new(&self.address)
    }

    /// Every line of its log so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.log.lock().expect("nobody panics with the log").clone()
    }

    /// Waits until a line of the log has a text.
    pub async fn wait_for_log(&self, text: &str) {
        eventually(async || {
            let log = self.log();
            let is_there = log.iter().any(|line| line.contains(text));
            if is_there { Ok(()) } else { Err(format!("{text:?} is not in the log: {log:#?}")) }
        })
        .await;
    }

    /// Ends it as `kill -9` does: it has no time to log or finish anything.
    pub fn kill(&mut self) {
        self.child.kill().expect("our own child can be killed");
        self.child.wait().expect("a child can be waited for");
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        signal(self.child.id(), "TERM");
    }

    /// Asks it to read its keys and certificates again.
    pub fn hang_up(&self) {
        signal(self.child.id(), "HUP");
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A client of the listener for operators.
    #[must_use]
    pub fn admin(&self) -> Http {
        let address = self.log().iter().find_map(|line| listening(line, "admin"));
        Http::new(&address.expect("it listens there"))
    }

    /// The memory that it has in use, in KiB.
    #[must_use]
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Asks it to stop as a person at a terminal does.
    pub fn interrupt(&self) {
        signal(self.child.id(), "INT");
    }

    /// Waits for its end.
    pub async fn wait_until_ended(&mut self) -> ExitStatus {
        eventually(async || {
            let ended = self.child.try_wait().expect("a child can be waited for");
            ended.ok_or("the server does not end")
        })
        .await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listening(line: &str, field: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    (line["message"] == "Listening.").then(|| line[field].as_str().map(str::to_owned)).flatten()
}

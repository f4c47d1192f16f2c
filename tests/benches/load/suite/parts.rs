//! The processes of a run: PostgreSQL, Redis, Sigan, the servers under load and the floor.

use std::fs::read_to_string;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use oss_core::sigan::mock::{Inventory, SiganMock, serve};
use oss_tests::backend::Database;
use oss_tests::floor::{Plan, Setup};
use oss_tests::postgres::Postgres;
use oss_tests::process::{built, free_port};
use oss_tests::redis::Redis;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::cpu::{Cpu, SIGAN_THREAD};

/// The beginning of every external id of the mock.
pub(crate) const PREFIX: &str = "PR-";

/// The number of connections to PostgreSQL: the default of the service.
const POOL: u32 = 10;

/// The processes that the servers need.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) postgres: Postgres,
    redis: Redis,
    pub(crate) sigan: SiganMock,
    pub(crate) sigan_url: String,
}

/// A server under load.
#[derive(Debug)]
pub(crate) struct Target {
    process: Process,
    pub(crate) address: String,
    pub(crate) database: Database,
    /// The main process of PostgreSQL.
    postgres: u32,
    /// The time from its start until it was ready.
    pub(crate) ready_after: Duration,
}

/// A process that is killed when the value is dropped.
#[derive(Debug)]
struct Process(Child);

impl Parts {
    pub(crate) async fn start() -> Self {
        let sigan = SiganMock::new(Inventory::new(PREFIX.trim_end_matches('-')));
        let mock = sigan.clone();
        let sigan_url = apart(async move |listener| {
            serve(mock, listener, std::future::pending()).await.expect("the listener works");
        });
        Self { postgres: Postgres::start().await, redis: Redis::start().await, sigan, sigan_url }
    }

    /// Starts a server on a database of its own.
    pub(crate) async fn server(&self) -> Target {
        let database = Database::on(&self.postgres).await;
        self.server_on(database).await
    }

    pub(crate) async fn server_on(&self, database: Database) -> Target {
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(built("oss-server"));
        // The log has its default level, and goes to `/dev/null`.
        command.env_clear().args(["--allow-anonymous", "--listen", &address]).stderr(Stdio::null());
        command.envs([
            ("OSS_DATABASE_URL", database.url()),
            ("OSS_SIGAN_URL", &self.sigan_url),
            ("OSS_SIGAN_BRAND_ID", "acme"),
            ("OSS_REDIS_URL", self.redis.url()),
            ("OSS_REQUESTS_PER_SECOND", "1000000"),
            ("OSS_CONCURRENT_REQUESTS", "100000"),
            ("OSS_CONNECTIONS", "100000"),
        ]);
        let begun = Instant::now();
        let child = command.spawn().expect("the server starts");
        let mut target = self.target(child, address, database);
        target.ready_after = target.ready(begun).await;
        target
    }

    /// Starts the floor on a database of its own: that of a plan, or the one of the specification's pseudo-code.
    pub(crate) async fn floor(&self, plan: Option<&Plan>) -> Target {
        let database = Database::on(&self.postgres).await;
        let setup = Setup {
            database: database.url().to_owned(),
            pool: POOL,
            sigan: self.sigan_url.clone(),
            plan: plan.cloned(),
        };
        let mut command = Command::new(built("oss-floor"));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the floor starts");
        let setting_up = child.stdin.take().expect("its standard input is piped");
        serde_json::to_writer(setting_up, &setup).expect("it reads its setup");
        let address = first_line(child.stdout.take().expect("its standard output is piped"));
        self.target(child, address, database)
    }

    fn target(&self, child: Child, address: String, database: Database) -> Target {
        let (process, postgres) = (Process(child), self.postgres.process());
        Target { process, address, database, postgres, ready_after: Duration::ZERO }
    }
}

fn first_line(output: ChildStdout) -> String {
    let line = BufReader::new(output).lines().next();
    line.and_then(Result::ok).expect("the floor says where it listens; without that, its error is above")
}

/// Serves a Sigan on a thread of its own, so that it does not take turns with the client. Returns its URL.
pub(crate) fn apart<F: Future>(serve: impl FnOnce(TcpListener) -> F + Send + 'static) -> String {
    let (sender, address) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().name(SIGAN_THREAD.to_owned());
    let spawned = thread.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            sender
                .send(listener.local_addr().expect("a bound socket has an address"))
                .expect("it is awaited");
            serve(listener).await;
        });
    });
    spawned.expect("a thread starts");
    format!("http://{}", address.recv().expect("the mock listens"))
}

impl Target {
    async fn ready(&self, begun: Instant) -> Duration {
        while !asked_whether_ready(&self.address).await.unwrap_or(false) {
            assert!(begun.elapsed() < Duration::from_mins(1), "the server does not start");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        begun.elapsed()
    }

    /// Ends the server, and returns its database.
    pub(crate) fn stop(self) -> Database {
        self.database
    }

    /// The CPU time that it, PostgreSQL, Sigan and the client have spent so far.
    pub(crate) fn cpu(&self) -> Cpu {
        Cpu::spent(self.process.0.id(), self.postgres)
    }

    /// The memory that it uses now, in MiB.
    pub(crate) fn rss(&self) -> f64 {
        self.memory("VmRSS:")
    }

    /// The most memory that it has used, in MiB.
    pub(crate) fn peak_rss(&self) -> f64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, field: &str) -> f64 {
        memory(self.process.0.id(), field).expect("a running process has memory")
    }
}

/// The memory of a process, in MiB; none if it has ended.
pub(crate) fn memory(pid: u32, field: &str) -> Option<f64> {
    let status = read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    Some(kib? / 1024.0)
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks whether a server is ready, over a plain socket, because the set-up of a client would be part of the measured time.
async fn asked_whether_ready(address: &str) -> std::io::Result<bool> {
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(b"GET /health/ready HTTP/1.1\r\nhost: oss\r\nconnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}

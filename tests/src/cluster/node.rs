//! One node: Patroni and the PostgreSQL that it starts.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use tokio::time::timeout;

use super::{OTHER_DATABASE, url};
use crate::eventually::eventually;
use crate::operations::example;
use crate::postgres::{USER, folders};
use crate::process::{Guarded, as_user, free_port, program};
use crate::python::run_successfully;

/// The longest time for a statement of the test's own.
const STATEMENT: Duration = Duration::from_secs(5);

/// Ends Patroni and its PostgreSQL, also if they are frozen. A postmaster that died has left its file, and another process may have its
/// number by now.
const STOP: &str = r#"pkill -KILL -P $pid; kill -KILL $pid
data=$(realpath "$dir/../data"); postmaster=$(head -n 1 "$data/postmaster.pid")
if [ -n "$postmaster" ] && grep -q "$data" /proc/$postmaster/cmdline; then
    pkill -CONT -P $postmaster; kill -CONT $postmaster; kill -QUIT $postmaster
    while kill -0 $postmaster; do sleep 0.05; done
fi"#;

/// A node of a cluster.
#[derive(Debug)]
pub struct Node {
    name: String,
    /// The folder with its data and its configuration.
    dir: PathBuf,
    port: u16,
    api_port: u16,
    /// The count of its starts.
    starts: u32,
    /// The numbers of its processes that were stopped.
    frozen: Vec<String>,
    process: Option<Guarded>,
}

impl Node {
    /// Starts a node with this number in a folder below `dir`.
    pub(super) fn start(dir: &Path, number: usize, etcd_port: u16) -> Self {
        let name = format!("node-{number}");
        let dir = dir.join(&name);
        run_successfully(as_user(Some(USER)).arg("mkdir").arg(&dir));
        let (port, api_port) = (free_port(), free_port());
        let text = configuration(&name, &dir, port, api_port, etcd_port);
        std::fs::write(dir.join("patroni.yml"), text).expect("the configuration is written");
        let mut node = Self { name, dir, port, api_port, starts: 0, frozen: Vec::new(), process: None };
        node.start_again();
        node
    }

    /// Starts it after [`Node::die`].
    pub fn start_again(&mut self) {
        // The guard of the last run ends before a new one begins.
        drop(self.process.take());
        self.starts += 1;
        let run = self.run();
        run_successfully(as_user(Some(USER)).arg("mkdir").arg(&run));
        let paths = [run.join("pid"), program("patroni", &[], "patroni"), self.dir.join("patroni.yml")];
        let [pid, patroni, file] = paths.each_ref().map(|path| path.to_string_lossy());
        let command = ["sh", "-c", r#"echo $$ >"$1"; exec "$2" "$3""#, "sh", &pid, &patroni, &file];
        self.process = Some(Guarded::start(&command, STOP, Some(USER), &run));
    }

    /// Ends all of its processes at once, like a machine that loses power.
    pub fn die(&mut self) {
        self.freeze();
        send("KILL", &self.frozen);
    }

    /// Stops its processes from answering and keeps their connections open.
    pub fn freeze(&mut self) {
        self.frozen = self.parents();
        send("STOP", &self.frozen);
        // From now on there are no new ones.
        let children =
            Command::new("pgrep").args(["-P", &self.frozen.join(",")]).output().expect("pgrep runs");
        let children = String::from_utf8_lossy(&children.stdout);
        self.frozen.extend(children.split_whitespace().map(str::to_owned));
        send("STOP", &self.frozen);
    }

    /// Lets its processes answer again.
    pub fn thaw(&mut self) {
        send("CONT", &std::mem::take(&mut self.frozen));
    }

    /// The numbers of Patroni and of the postmaster.
    fn parents(&self) -> Vec<String> {
        let files = [self.run().join("pid"), self.dir.join("data/postmaster.pid")];
        let first_line = |file: &PathBuf| {
            let text =
                std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            text.lines().next().expect("the file begins with the number").to_owned()
        };
        files.iter().map(first_line).collect()
    }

    /// Makes its databases read-only, as a full disk or an operator may do. Its role in the cluster stays as it is.
    pub async fn refuse_writes(&self) {
        self.execute("alter system set default_transaction_read_only = on").await;
        self.execute("select pg_reload_conf()").await;
    }

    /// Ends what [`Node::refuse_writes`] began.
    pub async fn accept_writes(&self) {
        self.execute("alter system reset default_transaction_read_only").await;
        self.execute("select pg_reload_conf()").await;
    }

    /// Waits until some session waits for a standby before it answers.
    pub async fn wait_for_blocked_commits(&self) {
        const SQL: &str = "select 1 from pg_stat_activity where wait_event = 'SyncRep'";
        eventually(async || {
            let rows = self.rows(SQL).await?;
            if rows.is_empty() { Err("no commit is blocked".to_owned()) } else { Ok(()) }
        })
        .await;
    }

    /// How its standbys stream from it, in alphabetical order.
    pub(super) async fn streams(&self) -> Vec<String> {
        const SQL: &str = "select sync_state from pg_stat_replication where state = 'streaming' order by 1";
        let rows = self.rows(SQL).await.unwrap_or_default();
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub(super) async fn execute(&self, sql: &str) {
        self.rows(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn rows(&self, sql: &str) -> Result<Vec<sqlx::postgres::PgRow>, String> {
        let rows = async {
            let mut connection = PgConnection::connect(&url(self.port, OTHER_DATABASE)).await?;
            let rows = connection.fetch_all(AssertSqlSafe(sql.to_owned())).await?;
            connection.close().await?;
            Ok::<_, sqlx::Error>(rows)
        };
        let rows = timeout(STATEMENT, rows).await.map_err(|_| "no answer".to_owned())?;
        rows.map_err(|error| error.to_string())
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn api_port(&self) -> u16 {
        self.api_port
    }

    /// The address of a resource of Patroni.
    pub(super) fn api(&self, resource: &str) -> String {
        format!("http://127.0.0.1:{}/{resource}", self.api_port)
    }

    /// The log of its last start.
    pub(super) fn log(&self) -> String {
        Guarded::log(&self.run())
    }

    fn run(&self) -> PathBuf {
        self.dir.join(format!("run-{}", self.starts))
    }
}

/// Sends a signal to processes, some of which may have ended by themselves.
fn send(signal: &str, processes: &[String]) {
    let _ = Command::new("kill").arg(format!("-{signal}")).args(processes).stderr(Stdio::null()).status();
}

/// The example with other addresses, and with shorter times.
fn configuration(name: &str, dir: &Path, port: u16, api_port: u16, etcd_port: u16) -> String {
    let bin_dir = program("postgres", &folders(), "postgresql");
    let bin_dir = bin_dir.parent().expect("it is in a folder").display();
    let both = |address: &str| format!("  listen: {address}\n  connect_address: {address}\n");
    let changes = [
        ("name: node-1", format!("name: {name}")),
        (&*both("10.0.0.21:8008"), both(&format!("127.0.0.1:{api_port}"))),
        (&*both("10.0.0.21:5432"), both(&format!("127.0.0.1:{port}"))),
        ("[10.0.0.31:2379, 10.0.0.32:2379, 10.0.0.33:2379]", format!("['127.0.0.1:{etcd_port}']")),
        ("    ttl: 20\n", "    ttl: 5\n".into()),
        ("    loop_wait: 5\n", "    loop_wait: 1\n".into()),
        ("    retry_timeout: 5\n", "    retry_timeout: 2\n".into()),
        ("wal_sender_timeout: 10s", "wal_sender_timeout: 3s".into()),
        ("wal_receiver_timeout: 10s", "wal_receiver_timeout: 3s".into()),
        ("wal_retrieve_retry_interval: 1s", "wal_retrieve_retry_interval: 500ms".into()),
        // The data need not survive the machine, so no commit has to wait for the disk.
        ("max_connections: 200", "max_connections: 200\n        fsync: \"off\"".into()),
        ("/var/lib/postgresql/15/oss", format!("{}/data", dir.display())),
        ("/usr/lib/postgresql/15/bin", bin_dir.to_string()),
        ("/var/lib/postgresql/.pgpass-patroni", format!("{}/pgpass", dir.display())),
        (
            "unix_socket_directories: /var/run/postgresql",
            format!("unix_socket_directories: {}", dir.display()),
        ),
        ("local all postgres peer", "local all all trust".into()),
        (
            "host replication replicator 10.0.0.0/24 scram-sha-256",
            "host replication all 127.0.0.1/32 trust".into(),
        ),
        ("host all all 10.0.0.0/24 scram-sha-256", "host all all 127.0.0.1/32 trust".into()),
        // Patroni wants passwords, also where PostgreSQL asks for none.
        ("      username: postgres\n", "      username: postgres\n      password: unused\n".into()),
        ("      username: replicator\n", "      username: replicator\n      password: unused\n".into()),
    ];
    let changes: Vec<_> = changes.iter().map(|(from, to)| (*from, &**to)).collect();
    example("patroni.yml", &changes)
}

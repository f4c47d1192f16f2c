//! A PostgreSQL server for each test process, with a database for each test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oss_core::store::PostgresStore;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use tokio::sync::OnceCell;

use crate::backend::{Database, EXISTING};
use crate::eventually::eventually;
use crate::process::{Guarded, as_user, free_port, program, signal};
use crate::python::run_successfully;

/// PostgreSQL refuses to run as root.
pub(crate) const USER: &str = "postgres";

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    dir: PathBuf,
    port: u16,
    databases: AtomicUsize,
    _process: Guarded,
}

static SHARED: OnceCell<Postgres> = OnceCell::const_new();

static SEED: OnceCell<Postgres> = OnceCell::const_new();

impl Postgres {
    /// The server of this test process, started on first use.
    pub async fn shared() -> &'static Self {
        // The data need not survive the machine, so no commit has to wait for the disk.
        SHARED.get_or_init(|| Self::start_with(&["-c", "fsync=off"])).await
    }

    /// A server for one test alone, which may break it.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(options: &[&str]) -> Self {
        let seed = SEED.get_or_init(Self::seed).await;
        let dir = make_dir();
        run_successfully(as_user(Some(USER)).args(["cp", "-a"]).arg(seed.dir.join("data")).arg(&dir));
        Self::serve(dir, options).await
    }

    /// Makes a cluster with the templates of databases, and stops it. Every server of this process starts from a copy of its folder.
    async fn seed() -> Self {
        let dir = make_dir();
        let initdb = program("initdb", &folders(), "postgresql");
        let mut command = as_user(Some(USER));
        command.arg(initdb).args(["-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8", "-D"]);
        run_successfully(command.arg(dir.join("data")));
        let seed = Self::serve(dir, &["-c", "fsync=off"]).await;
        for name in ["template_oss", "template_existing"] {
            seed.execute("postgres", &format!("create database {name}")).await;
        }
        seed.execute("template_existing", EXISTING).await;
        for name in ["template_oss", "template_existing"] {
            let migrated = PostgresStore::migrate(&seed.url(name), Duration::from_hours(24)).await;
            migrated.expect("the migrations run");
        }
        run_successfully(seed.pg_ctl().args(["stop", "-m", "fast"]));
        seed
    }

    async fn serve(dir: PathBuf, options: &[&str]) -> Self {
        let (port, process) = serve(&dir, options).await;
        Self { dir, port, databases: AtomicUsize::new(0), _process: process }
    }

    fn pg_ctl(&self) -> Command {
        let mut command = as_user(Some(USER));
        command.arg(program("pg_ctl", &folders(), "postgresql")).arg("-D").arg(self.dir.join("data"));
        command.args(["-s", "-w"]);
        command
    }

    /// A new database with the tables and the reference data.
    pub async fn database(&self) -> SecretString {
        self.create("test", &copy_of("template_oss")).await
    }

    /// A new copy of the database that existed before this service, after the migration.
    pub async fn existing_database(&self) -> SecretString {
        self.create("existing", &copy_of("template_existing")).await
    }

    /// A new database without tables.
    pub async fn empty_database(&self) -> SecretString {
        self.create("empty", "").await
    }

    /// A new database without tables, in an encoding that cannot hold every text.
    pub async fn latin_database(&self) -> SecretString {
        self.create("latin", "encoding 'LATIN1' locale 'C' template template0").await
    }

    async fn create(&self, kind: &str, options: &str) -> SecretString {
        let name = format!("{kind}_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute("postgres", &format!("create database {name} {options}")).await;
        self.url(&name)
    }

    /// Its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        Guarded::log(&self.dir)
    }

    /// Stops it like a crash, and starts it again.
    pub fn crash_and_restart(&self) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c max_connections=300",
            self.port,
            self.dir.display()
        );
        let mut command = self.pg_ctl();
        command.args(["restart", "-m", "immediate", "-o", &options, "-l"]).arg(self.dir.join("log"));
        assert!(command.status().expect("pg_ctl runs").success(), "{}", Guarded::log(&self.dir));
    }

    /// Makes it a standby and promotes it, which begins a new timeline, as every failover does.
    pub async fn begin_timeline(&self) {
        run_successfully(as_user(Some(USER)).arg("touch").arg(self.dir.join("data/standby.signal")));
        self.crash_and_restart();
        self.execute("postgres", "select pg_promote()").await;
    }

    /// Stops its processes from answering and keeps their connections open, like a peer that vanished.
    pub fn freeze(&self) {
        self.signal_all("STOP");
    }

    /// Lets its processes answer again.
    pub fn thaw(&self) {
        self.signal_all("CONT");
    }

    /// Stops the open sessions of servers from answering, while new ones may be opened, like a peer that moved or is partitioned.
    pub async fn freeze_sessions(&self) {
        const SQL: &str = "select pid from pg_stat_activity where application_name = 'oss'";
        let mut connection = self.connect("postgres").await;
        for row in connection.fetch_all(SQL).await.expect("the sessions are listed") {
            signal(row.get::<i32, _>(0).unsigned_abs(), "STOP");
        }
    }

    /// Puts rules of access (`pg_hba.conf`) before the existing ones.
    pub async fn add_access_rules(&self, rules: &[&str]) {
        let file = self.dir.join("data/pg_hba.conf");
        let kept = std::fs::read_to_string(&file).expect("the rules are read");
        std::fs::write(&file, format!("{}\n{kept}", rules.join("\n"))).expect("the rules are written");
        // The reload is done when a setting has its new value, because the rules are read before it.
        self.execute("postgres", "alter system set default_statistics_target = 99").await;
        self.reload_until("default_statistics_target", "99").await;
    }

    /// Makes every database read-only, like a demoted primary. Its sessions stay open.
    pub async fn refuse_writes(&self) {
        self.execute("postgres", "alter system set default_transaction_read_only = on").await;
        self.reload_until("transaction_read_only", "on").await;
    }

    /// Ends what [`Postgres::refuse_writes`] began.
    pub async fn accept_writes(&self) {
        self.execute("postgres", "alter system reset default_transaction_read_only").await;
        self.reload_until("transaction_read_only", "off").await;
    }

    /// Makes each commit wait for a synchronous standby that does not exist, like one that is frozen. Reads go on.
    pub async fn hold_commits(&self) {
        self.execute("postgres", "alter system set synchronous_standby_names = 'frozen'").await;
        self.reload_until("synchronous_standby_names", "frozen").await;
    }

    /// Ends what [`Postgres::hold_commits`] began.
    pub async fn complete_commits(&self) {
        self.execute("postgres", "alter system reset synchronous_standby_names").await;
        self.reload_until("synchronous_standby_names", "").await;
    }

    async fn reload_until(&self, setting: &str, value: &str) {
        self.execute("postgres", "select pg_reload_conf()").await;
        eventually(async || {
            let mut connection = self.connect("postgres").await;
            let shown = AssertSqlSafe(format!("show {setting}"));
            let row = connection.fetch_one(shown).await.expect("the setting is shown");
            (row.get::<&str, _>(0) == value).then_some(()).ok_or("the setting does not take effect")
        })
        .await;
    }

    /// Runs a statement that locks rows of a database, and keeps them locked until the value is dropped.
    pub async fn lock(&self, database: &Database, sql: &str) -> PgConnection {
        let mut connection = self.connect(database.name()).await;
        connection.execute("begin").await.expect("a transaction begins");
        connection.execute(AssertSqlSafe(sql.to_owned())).await.expect("the rows are locked");
        connection
    }

    fn signal_all(&self, name: &str) {
        let pid = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap_or_default();
        let Some(pid) = pid.lines().next() else { return };
        let _ = Command::new("pkill").args([&format!("-{name}"), "-P", pid]).status();
        pid.parse().into_iter().for_each(|pid| signal(pid, name));
    }

    async fn connect(&self, database: &str) -> PgConnection {
        PgConnection::connect(self.url(database).expose_secret()).await.expect("PostgreSQL answers")
    }

    fn url(&self, name: &str) -> SecretString {
        format!("postgres://{USER}@127.0.0.1:{}/{name}", self.port).into()
    }

    /// Its main process.
    ///
    /// # Panics
    ///
    /// Panics if it does not run.
    #[must_use]
    pub fn process(&self) -> u32 {
        let written = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap_or_default();
        written.lines().next().and_then(|id| id.parse().ok()).expect("a running server writes its process id")
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(crate) async fn execute(&self, database: &str, sql: &str) {
        let mut connection = self.connect(database).await;
        connection.execute(AssertSqlSafe(sql.to_owned())).await.expect("the statement runs");
        connection.close().await.expect("the connection closes");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A frozen process does not get another signal.
        self.thaw();
    }
}

/// A program of PostgreSQL's own, such as `pg_dump`.
#[must_use]
pub fn client(name: &str) -> Command {
    Command::new(program(name, &folders(), "postgresql"))
}

pub(crate) fn folders() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.map(|version| version.path().join("bin")).collect()
}

/// The options of a database that copies a template. Its files are copied, because logging every page takes twice as long.
fn copy_of(template: &str) -> String {
    format!("template {template} strategy file_copy")
}

/// A folder that the server's user owns.
pub(crate) fn make_dir() -> PathBuf {
    let template = std::env::temp_dir().join("oss-pg-XXXXXX");
    let made = as_user(Some(USER)).args(["mktemp", "-d"]).arg(template).output().expect("mktemp runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8_lossy(&made.stdout).trim().into()
}

/// Starts the server on a free port.
async fn serve(dir: &Path, options: &[&str]) -> (u16, Guarded) {
    let port = free_port();
    let (postgres, data) = (program("postgres", &folders(), "postgresql"), dir.join("data"));
    let command = [
        &postgres.display().to_string(),
        "-D",
        &data.display().to_string(),
        "-p",
        &port.to_string(),
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        &format!("unix_socket_directories={}", dir.display()),
        "-c",
        "max_connections=300",
    ];
    let command = [&command[..], options].concat();
    // A restart gives the server another process, so the server's own file says which one to stop.
    let stop = r#"pid=$(head -n 1 "$dir/data/postmaster.pid"); [ -n "$pid" ] && kill -INT $pid && while kill -0 $pid; do sleep 0.05; done"#;
    let process = Guarded::start(&command, stop, Some(USER), dir);
    let url = format!("postgres://{USER}@127.0.0.1:{port}/postgres");
    eventually(async || {
        let connection = PgConnection::connect(&url).await;
        connection.map(drop).map_err(|error| format!("{error}: {}", Guarded::log(dir)))
    })
    .await;
    (port, process)
}

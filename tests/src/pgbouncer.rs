//! PgBouncer in transaction mode, as operators run it, before the PostgreSQL of this test process.

use secrecy::SecretString;
use tokio::sync::OnceCell;

use crate::backend::Database;
use crate::operations::example;
use crate::postgres::{Postgres, USER, make_dir};
use crate::process::{Guarded, built_tools, free_port, program, wait_until_listening};

/// The role of the servers. `pgbouncer.sql` was run for it.
pub const ROLE: &str = "oss";

/// A role for which `pgbouncer.sql` was not run.
pub const BARE_ROLE: &str = "bare";

/// A running PgBouncer. Dropping it stops it.
#[derive(Debug)]
pub struct PgBouncer {
    port: u16,
    _process: Guarded,
}

static SHARED: OnceCell<PgBouncer> = OnceCell::const_new();

impl PgBouncer {
    /// The PgBouncer of this test process, started on first use.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let postgres = Postgres::shared().await;
        for role in [ROLE, BARE_ROLE] {
            postgres.execute("postgres", &format!("create role {role} login")).await;
        }
        postgres.execute("postgres", &example("pgbouncer.sql", &[])).await;
        Self::before(postgres).await
    }

    async fn before(postgres: &Postgres) -> Self {
        // Like PostgreSQL it refuses to run as root, and its user may not be allowed to see the folder where it was built.
        let (dir, port) = (make_dir(), free_port());
        let program_file = dir.join("pgbouncer");
        let installed = program("pgbouncer", &[built_tools()], "pgbouncer, 1.21 or newer");
        std::fs::copy(installed, &program_file).expect("the program is copied");
        let users = dir.join("userlist.txt");
        let secrets = [ROLE, BARE_ROLE].map(|role| format!("\"{role}\" \"secret\"\n")).concat();
        std::fs::write(&users, secrets).expect("the users are written");
        let changes = [
            // Every test has a database of its own.
            (
                "oss = host=10.0.0.20 port=5432 dbname=oss",
                format!("* = host=127.0.0.1 port={}", postgres.port()),
            ),
            ("listen_addr = 0.0.0.0", "listen_addr = 127.0.0.1".to_owned()),
            ("listen_port = 6432", format!("listen_port = {port}")),
            ("/etc/pgbouncer/userlist.txt", users.display().to_string()),
            // Programs that are not optimized take too long to check passwords.
            ("auth_type = scram-sha-256", "auth_type = trust".to_owned()),
            // Fewer connections than one server's pool.
            ("default_pool_size = 20", "default_pool_size = 8\nserver_idle_timeout = 5".to_owned()),
        ];
        let text = example("pgbouncer.ini", &changes.each_ref().map(|(from, to)| (*from, to.as_str())));
        let file = dir.join("pgbouncer.ini");
        std::fs::write(&file, text).expect("the configuration is written");
        let command = [program_file.display().to_string(), file.display().to_string()];
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let process = Guarded::start(&command, "kill -TERM $pid", Some(USER), &dir);
        wait_until_listening(port, || Guarded::log(&dir)).await;
        Self { port, _process: process }
    }

    /// The address of a database behind this PgBouncer, for a role.
    pub async fn url(&self, database: &Database, role: &str) -> SecretString {
        let grant = format!("grant select, insert, update, delete on all tables in schema public to {role}");
        database.execute(&grant).await;
        format!("postgres://{role}:secret@127.0.0.1:{}/{}", self.port, database.name()).into()
    }
}

//! A cluster of PostgreSQL fails over while numbers are reserved and released, as `examples/operations` configures it. One server
//! reaches it through HAProxy, and another knows every node.

use std::sync::Mutex;
use std::time::Duration;

use oss_core::sigan::mock::Behaviour;
use oss_tests::backend::Database;
use oss_tests::cluster::Cluster;
use oss_tests::load::{Load, SETTINGS, small_sigan};
use oss_tests::outages::Writer;
use oss_tests::server::Server;
use oss_tests::sigan::Sigan;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{Instant, timeout};

/// The longest time for an attempt of a bare client.
const BARE: Duration = Duration::from_secs(1);

/// The time under load after a node came back. For a part of it, a primary that wakes up still believes that it is one.
const AFTERMATH: Duration = Duration::from_secs(3);

/// The ways to the cluster.
const WAYS: [&str; 2] = ["through HAProxy", "with several hosts"];

/// Area codes whose numbers the load does not take.
const OTHER_AREA_CODES: [&str; 26] = [
    "63", "64", "65", "66", "67", "68", "69", "73", "74", "75", "77", "79", "83", "84", "86", "87", "88",
    "89", "92", "93", "94", "95", "96", "97", "98", "99",
];

/// A cluster, and two servers that use it.
struct Drill {
    cluster: Cluster,
    database: Database,
    sigan: Sigan,
    servers: [Server; 2],
}

/// Clients that write during an event: for each way, a bare client of PostgreSQL and a client of our server.
struct Clients {
    bare: [Writer; 2],
    ours: [Writer; 2],
}

impl Drill {
    async fn start() -> Self {
        let cluster = Cluster::start().await;
        let (database, sigan) = (cluster.database(), small_sigan().await);
        sigan.behave(Behaviour { latency: Duration::from_millis(20), ..Behaviour::default() });
        let start =
            |more: &[(&str, &str)]| Server::start(&database, &sigan.url(), &[&SETTINGS[..], more].concat());
        let servers = [start(&[]), start(&[("OSS_DATABASE_URL", &cluster.url_of_hosts())])];
        let table = "create table bare_write (at timestamptz not null default clock_timestamp())";
        write(&cluster.other_database(), table).await.expect("the table is created");
        Self { cluster, database, sigan, servers }
    }

    /// Lets something happen to the cluster under load. `strike` ends when it has happened, and says when it began to. `mend`
    /// repairs what is broken then.
    async fn under_load<B>(
        &mut self,
        event: &str,
        strike: impl AsyncFnOnce(&mut Cluster) -> (Instant, B),
        mend: impl AsyncFnOnce(&mut Cluster, B),
    ) {
        let [one, other] = &self.servers;
        let load = Load::on(&self.database, &[one, other]).await;
        load.wait_for_progress().await;
        let clients = Clients::start(&self.cluster, &self.servers).await;
        let (begun, broken) = strike(&mut self.cluster).await;
        clients.report(event, begun).await;
        load.wait_for_progress().await;
        mend(&mut self.cluster, broken).await;
        let check = async {
            tokio::time::sleep(AFTERMATH).await;
            load.wait_for_progress().await;
            load.finish_and_check(&self.database, &self.sigan).await;
        };
        tokio::join!(check, self.cluster.wait_until_redundant());
    }
}

impl Clients {
    /// Starts clients, and waits until each has written something.
    async fn start(cluster: &Cluster, servers: &[Server; 2]) -> Self {
        let bare = [vec![cluster.other_database()], cluster.other_database_by_node()].map(bare_client);
        let clients = Self { bare, ours: servers.each_ref().map(client) };
        clients.wait_for_success().await;
        clients
    }

    async fn wait_for_success(&self) {
        for writer in self.bare.iter().chain(&self.ours) {
            writer.wait_for_success().await;
        }
    }

    /// Waits until all of them write again, and prints when each one did.
    #[expect(clippy::print_stdout, reason = "shown with --nocapture only")]
    async fn report(self, event: &str, begun: Instant) {
        self.wait_for_success().await;
        for ((way, bare), ours) in WAYS.iter().zip(&self.bare).zip(&self.ours) {
            let (bare, ours) = (bare.recovered_after(begun), ours.recovered_after(begun));
            println!("{event}, {way}: a bare client after {bare:.1?}, ours after {ours:.1?}");
        }
    }
}

/// A client of PostgreSQL that tries each URL in turn.
fn bare_client(urls: Vec<String>) -> Writer {
    let most = 3 * urls.len();
    let urls = Mutex::new(urls.into_iter().cycle());
    Writer::start(most, move || {
        let url = urls.lock().expect("nobody panics with the URLs").next().unwrap_or_default();
        async move { write(&url, "insert into bare_write default values").await }
    })
}

/// A client of our server. It uses numbers that the load does not.
fn client(server: &Server) -> Writer {
    let http = server.http();
    Writer::start(50, move || {
        let http = http.clone();
        let area_code = OTHER_AREA_CODES[fastrand::usize(..OTHER_AREA_CODES.len())];
        async move {
            match http.post("/previews", json!({ "areaCode": area_code })).await {
                created if created.status == 201 => Ok(()),
                refused => Err(format!("{refused:?}")),
            }
        }
    })
}

/// Runs a statement of a bare client, in a limited time.
async fn write(url: &str, sql: &'static str) -> Result<(), String> {
    let run = async {
        let mut connection = PgConnection::connect(url).await?;
        connection.execute(sql).await?;
        connection.close().await
    };
    let outcome = timeout(BARE, run).await.map_err(|_| "no answer in time".to_owned())?;
    outcome.map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cluster_loses_nothing_whatever_fails() {
    let mut drill = Drill::start().await;

    let switch_over = async |cluster: &mut Cluster| {
        let (old, begun) = (cluster.wait_for_primary().await, Instant::now());
        cluster.switch_over().await;
        cluster.wait_for_primary_other_than(old).await;
        (begun, ())
    };
    drill.under_load("switchover", switch_over, async |_, ()| {}).await;

    let kill_primary = async |cluster: &mut Cluster| {
        let (old, begun) = (cluster.wait_for_primary().await, Instant::now());
        cluster.node(old).die();
        cluster.wait_for_primary_other_than(old).await;
        (begun, old)
    };
    let start_again = async |cluster: &mut Cluster, old| cluster.node(old).start_again();
    drill.under_load("the primary's machine dies", kill_primary, start_again).await;

    let thaw = async |cluster: &mut Cluster, old| cluster.node(old).thaw();
    let freeze_primary = async |cluster: &mut Cluster| {
        let (old, begun) = (cluster.wait_for_primary().await, Instant::now());
        cluster.node(old).freeze();
        cluster.wait_for_primary_other_than(old).await;
        (begun, old)
    };
    drill.under_load("the primary freezes", freeze_primary, thaw).await;

    let freeze_standby = async |cluster: &mut Cluster| {
        let primary = cluster.wait_for_primary().await;
        let (old, begun) = (cluster.wait_for_synchronous_standby().await, Instant::now());
        cluster.node(old).freeze();
        cluster.node(primary).wait_for_blocked_commits().await;
        cluster.wait_for_synchronous_standby_other_than(old).await;
        (begun, old)
    };
    drill.under_load("the synchronous standby freezes", freeze_standby, thaw).await;

    let refuse_writes = async |cluster: &mut Cluster| {
        let primary = cluster.wait_for_primary().await;
        cluster.node(primary).refuse_writes().await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        cluster.node(primary).accept_writes().await;
        (Instant::now(), ())
    };
    drill.under_load("the database is read-only for two seconds", refuse_writes, async |_, ()| {}).await;
}

//! A cluster of PostgreSQL fails over while numbers are reserved and released, as `examples/operations` configures it. One server
//! reaches it through HAProxy, and another knows every node.

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

/// The ways to the cluster.
const WAYS: [&str; 2] = ["through HAProxy", "with several hosts"];

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

    /// Lets something happen to the cluster under load. `strike` ends when it has happened, and `mend` repairs what is broken then.
    async fn under_load<B>(
        &mut self,
        name: &str,
        strike: impl AsyncFnOnce(&mut Cluster) -> (Instant, B),
        mend: impl AsyncFnOnce(&mut Cluster, B),
    ) {
        let [one, other] = &self.servers;
        let load = Load::on(&[one, other]);
        let clients = Clients::start(&self.cluster, &self.servers);
        load.wait_for_progress().await;
        let (event, broken) = strike(&mut self.cluster).await;
        clients.report(name, event).await;
        load.wait_for_progress().await;
        mend(&mut self.cluster, broken).await;
        self.cluster.wait_until_redundant().await;
        drop(clients);
        load.wait_for_progress().await;
        load.finish_and_check(&self.database, &self.sigan).await;
    }
}

impl Clients {
    fn start(cluster: &Cluster, servers: &[Server; 2]) -> Self {
        let bare = |urls: Vec<String>| {
            let turn = std::sync::atomic::AtomicUsize::new(0);
            let urls = std::sync::Arc::new(urls);
            Writer::start(3 * urls.len(), move || {
                let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let urls = urls.clone();
                async move { write(&urls[turn % urls.len()], "insert into bare_write default values").await }
            })
        };
        let ours = servers.each_ref().map(|server| {
            let http = server.http();
            Writer::start(50, move || {
                let http = http.clone();
                async move {
                    match http.post("/previews", json!({ "areaCode": "11" })).await {
                        created if created.status == 201 => Ok(()),
                        refused => Err(format!("{refused:?}")),
                    }
                }
            })
        });
        let bare = [bare(vec![cluster.other_database()]), bare(cluster.other_database_by_node())];
        Self { bare, ours }
    }

    /// Waits until all of them write again, and prints when each one did.
    async fn report(&self, name: &str, event: Instant) {
        for writer in self.bare.iter().chain(&self.ours) {
            writer.wait_for_success().await;
        }
        for ((way, bare), ours) in WAYS.iter().zip(&self.bare).zip(&self.ours) {
            let (bare, ours) = (bare.recovered_after(event), ours.recovered_after(event));
            println!("{name}, {way}: a bare client after {bare:.1?}, ours after {ours:.1?}");
        }
    }
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
        let (old, event) = (cluster.wait_for_primary().await, Instant::now());
        cluster.switch_over().await;
        cluster.wait_for_primary_other_than(old).await;
        (event, ())
    };
    drill.under_load("switchover", switch_over, async |_, ()| {}).await;
}

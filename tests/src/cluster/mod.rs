//! Three nodes of PostgreSQL under Patroni with HAProxy in front of them, as operators run them. They use `patroni.yml` and
//! `haproxy-postgresql.cfg` with shorter times, so that a test need not wait for long.

mod node;

use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use oss_core::store::PostgresStore;
use reqwest::{Client, StatusCode};
use secrecy::SecretString;
use serde_json::json;

use self::node::Node;
use crate::backend::Database;
use crate::eventually::eventually;
use crate::haproxy::HaProxy;
use crate::http::plain_client;
use crate::operations::example;
use crate::postgres::{USER, make_dir};
use crate::process::{Guarded, free_port, program, wait_until_listening};

/// The name of the database of the servers.
const DATABASE: &str = "oss";

/// Another database, for clients that are compared with the servers.
const OTHER_DATABASE: &str = "postgres";

/// The longest wait for an answer of Patroni.
const ANSWER: Duration = Duration::from_secs(1);

/// A running cluster. Dropping it stops all of its processes.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
    client: Client,
    port: u16,
    _proxy: HaProxy,
    /// It is dropped last, because its guard removes the folder of all.
    _etcd: Guarded,
}

impl Cluster {
    /// Starts a cluster with a synchronous standby and another standby, and with the tables of the service.
    pub async fn start() -> Self {
        let dir = make_dir();
        let (etcd, etcd_port) = start_etcd(&dir).await;
        let nodes: Vec<_> = (1..=3).map(|number| Node::start(&dir, number, etcd_port)).collect();
        let port = free_port();
        let proxy = HaProxy::start(&proxy_configuration(port, &nodes), port).await;
        let client = plain_client().timeout(ANSWER).build();
        let client = client.expect("a client");
        let cluster = Self { nodes, client, port, _proxy: proxy, _etcd: etcd };
        cluster.wait_until_redundant().await;
        let primary = cluster.wait_for_primary().await;
        cluster.nodes[primary].execute(&format!("create database {DATABASE}")).await;
        let url = SecretString::from(cluster.database().url());
        PostgresStore::migrate(&url, Duration::from_hours(24)).await.expect("the migrations run");
        cluster
    }

    /// The database of the servers, through HAProxy.
    #[must_use]
    pub fn database(&self) -> Database {
        Database::at(&self.proxy_url(DATABASE))
    }

    /// The URL of the database of the servers that names every node.
    #[must_use]
    pub fn url_of_hosts(&self) -> String {
        let hosts: Vec<_> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        format!("postgres://{USER}@{}/{DATABASE}?target_session_attrs=read-write", hosts.join(","))
    }

    /// The URL of a database that the servers do not use, through HAProxy.
    #[must_use]
    pub fn other_database(&self) -> String {
        self.proxy_url(OTHER_DATABASE)
    }

    /// The URLs of a database that the servers do not use, one for each node.
    #[must_use]
    pub fn other_database_by_node(&self) -> Vec<String> {
        self.nodes.iter().map(|node| url(node.port(), OTHER_DATABASE)).collect()
    }

    fn proxy_url(&self, database: &str) -> String {
        url(self.port, database)
    }

    /// A node by its place in the list.
    pub fn node(&mut self, node: usize) -> &mut Node {
        &mut self.nodes[node]
    }

    /// Waits until there is a primary, and returns its place in the list.
    pub async fn wait_for_primary(&self) -> usize {
        self.wait_for_one("primary", None).await
    }

    /// Waits until another node is the primary, and returns its place in the list.
    pub async fn wait_for_primary_other_than(&self, old: usize) -> usize {
        self.wait_for_one("primary", Some(old)).await
    }

    /// Waits until there is a synchronous standby, and returns its place in the list.
    pub async fn wait_for_synchronous_standby(&self) -> usize {
        self.wait_for_one("sync", None).await
    }

    /// Waits until another node is the synchronous standby.
    pub async fn wait_for_synchronous_standby_other_than(&self, old: usize) -> usize {
        self.wait_for_one("sync", Some(old)).await
    }

    /// Waits until there is one primary, and both other nodes stream from it, one of them synchronously.
    pub async fn wait_until_redundant(&self) {
        eventually(async || {
            let (primaries, standbys) = tokio::join!(self.nodes_with("primary"), self.nodes_with("sync"));
            let ([primary], [_]) = (&primaries[..], &standbys[..]) else {
                return Err(format!(
                    "primaries {primaries:?}, synchronous standbys {standbys:?}: {}",
                    self.logs()
                ));
            };
            let streams = self.nodes[*primary].streams().await;
            if streams == ["async", "sync"] { Ok(()) } else { Err(format!("standbys {streams:?}")) }
        })
        .await;
    }

    /// Makes the synchronous standby the primary, as before maintenance.
    pub async fn switch_over(&self) {
        let primary = &self.nodes[self.wait_for_primary().await];
        let request = self.client.post(primary.api("switchover")).json(&json!({ "leader": primary.name() }));
        let answer = request.timeout(Duration::from_secs(30)).send().await.expect("Patroni answers");
        let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
        assert_eq!(status, StatusCode::OK, "{text}");
    }

    async fn wait_for_one(&self, role: &str, not: Option<usize>) -> usize {
        eventually(async || {
            let nodes = self.nodes_with(role).await;
            nodes
                .into_iter()
                .find(|node| Some(*node) != not)
                .ok_or_else(|| format!("no node is {role}: {}", self.logs()))
        })
        .await
    }

    async fn nodes_with(&self, role: &str) -> Vec<usize> {
        let answers = self.nodes.iter().map(|node| async {
            let answer = self.client.get(node.api(role)).send().await;
            answer.is_ok_and(|answer| answer.status() == StatusCode::OK)
        });
        let answers = join_all(answers).await;
        answers.iter().enumerate().filter(|(_, has_role)| **has_role).map(|(node, _)| node).collect()
    }

    fn logs(&self) -> String {
        let logs: Vec<_> =
            self.nodes.iter().map(|node| format!("{}:\n{}", node.name(), node.log())).collect();
        logs.join("\n")
    }
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://{USER}@127.0.0.1:{port}/{database}")
}

/// Starts the store in which Patroni keeps the leader key.
async fn start_etcd(dir: &Path) -> (Guarded, u16) {
    let (port, peers) = (free_port(), format!("http://127.0.0.1:{}", free_port()));
    let (clients, members) = (format!("http://127.0.0.1:{port}"), format!("default={peers}"));
    let (etcd, data) = (program("etcd", &[], "etcd-server"), dir.join("etcd"));
    let command = [
        &*etcd.to_string_lossy(),
        "--enable-v2=true",
        "--unsafe-no-fsync",
        "--data-dir",
        &data.to_string_lossy(),
        "--listen-client-urls",
        &clients,
        "--advertise-client-urls",
        &clients,
        "--listen-peer-urls",
        &peers,
        "--initial-advertise-peer-urls",
        &peers,
        "--initial-cluster",
        &members,
    ];
    // If the test is killed, all guards stop at the same time, and the folder must outlive the nodes.
    let stop = r#"kill -TERM $pid; for _ in $(seq 200); do ls "$dir"/node-*/run-* >/dev/null 2>&1 || break; sleep 0.05; done"#;
    let process = Guarded::start(&command, stop, Some(USER), dir);
    wait_until_listening(port, || Guarded::log(dir)).await;
    (process, port)
}

fn proxy_configuration(port: u16, nodes: &[Node]) -> String {
    let mut changes = vec![("bind :5432".to_owned(), format!("bind 127.0.0.1:{port}"))];
    for (number, node) in (1..).zip(nodes) {
        let (postgres, patroni) = (node.port(), node.api_port());
        let from = format!("10.0.0.2{number}:5432 check port 8008");
        changes.push((from, format!("127.0.0.1:{postgres} check port {patroni}")));
    }
    let changes: Vec<_> = changes.iter().map(|(from, to)| (&**from, &**to)).collect();
    example("haproxy-postgresql.cfg", &changes)
}

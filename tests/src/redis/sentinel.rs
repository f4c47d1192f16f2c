//! A master with a replica, and three sentinels who watch them.

use super::Redis;
use super::node::Node;

const MASTER: &str = "main";

/// The passwords of the servers and of the sentinels, and how a URL writes them.
const SERVERS: [&str; 2] = ["p@ss/word", "p%40ss%2Fword"];
const SENTINELS: [&str; 2] = ["s&ntinel", "s%26ntinel"];

impl Redis {
    /// A master that sentinels watch.
    pub async fn sentinel() -> Self {
        let secrets = format!("requirepass {0}\nmasterauth {0}\n", SERVERS[0]);
        let master = Node::start(&secrets).await;
        let replica = Node::start(&format!("{secrets}replicaof 127.0.0.1 {}", master.port())).await;
        replica.wait_for_answer(&["info", "replication"], "master_link_status:up").await;
        let watch = format!(
            "requirepass {}\n\
             sentinel monitor {MASTER} 127.0.0.1 {} 2\n\
             sentinel auth-pass {MASTER} {}\n\
             sentinel down-after-milliseconds {MASTER} 2000\n\
             sentinel failover-timeout {MASTER} 4000",
            SENTINELS[0],
            master.port(),
            SERVERS[0]
        );
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            sentinels.push(Node::start(&watch).await);
        }
        for sentinel in &sentinels {
            sentinel.wait_for_answer(&["sentinel", "ckquorum", MASTER], "OK 3").await;
            sentinel.wait_for_answer(&["sentinel", "replicas", MASTER], &replica.port().to_string()).await;
        }
        let hosts: Vec<String> = sentinels.iter().map(Node::address).collect();
        let url = format!(
            "redis+sentinel://:{}@{}/{MASTER}?sentinel_password={}",
            SERVERS[1],
            hosts.join(","),
            SENTINELS[1]
        );
        Self { url, servers: vec![master, replica], sentinels, lost: None }
    }
}

/// Waits until each sentinel names a server as the master.
pub(super) async fn name(sentinels: &[Node], master: &Node) {
    for sentinel in sentinels {
        let port = master.port().to_string();
        sentinel.wait_for_answer(&["sentinel", "get-master-addr-by-name", MASTER], &port).await;
    }
}

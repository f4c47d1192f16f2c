//! A cluster of three masters, the first of which has a replica.

use super::Redis;
use super::node::Node;
use crate::process::free_port;

/// The first and the last slot of each master.
const SLOTS: [[u16; 2]; 3] = [[0, 5460], [5461, 10_922], [10_923, 16_383]];

const SETTINGS: &str =
    "requirepass p@ss/word\nmasterauth p@ss/word\ncluster-enabled yes\ncluster-node-timeout 2000";

impl Redis {
    /// A cluster.
    pub async fn cluster() -> Self {
        let mut servers = Vec::new();
        for _ in 0..=SLOTS.len() {
            servers.push(server().await);
        }
        for (server, slots) in servers.iter().zip(SLOTS) {
            let [first, last] = slots.map(|slot| slot.to_string());
            assert_eq!(server.ask(&["cluster", "addslotsrange", &first, &last]), "OK");
        }
        // A replica can follow only a server that it has met.
        let [first, others @ ..] = &servers[..] else { unreachable!("there are four") };
        for server in others {
            let (port, bus) = (first.port().to_string(), first.ask(&["config", "get", "cluster-port"]));
            let bus = bus.lines().last().expect("every server has one");
            assert_eq!(server.ask(&["cluster", "meet", "127.0.0.1", &port, bus]), "OK");
        }
        let (id, replica) = (first.ask(&["cluster", "myid"]), &servers[SLOTS.len()]);
        replica.wait_for_answer(&["cluster", "nodes"], &id).await;
        replica.wait_for_answer(&["cluster", "replicate", &id], "OK").await;
        wait_until_whole(&servers).await;
        let hosts: Vec<String> = servers.iter().take(SLOTS.len()).map(Node::address).collect();
        let url = format!("redis+cluster://:p%40ss%2Fword@{}", hosts.join(","));
        Self { url, servers, sentinels: Vec::new(), lost: None }
    }

    /// Moves the slot of a key to another master.
    pub fn move_slot_of(&self, key: &str) {
        let slot = self.servers[0].ask(&["cluster", "keyslot", key]);
        let number: u16 = slot.parse().expect("a slot is a number");
        let owner = SLOTS.iter().position(|[_, last]| number <= *last).expect("every slot has a master");
        let (from, to) = (&self.servers[owner], &self.servers[(owner + 1) % SLOTS.len()]);
        let [from_id, to_id] = [from, to].map(|server| server.ask(&["cluster", "myid"]));
        assert_eq!(to.ask(&["cluster", "setslot", &slot, "importing", &from_id]), "OK");
        for server in [to, from] {
            assert_eq!(server.ask(&["cluster", "setslot", &slot, "node", &to_id]), "OK");
        }
    }
}

async fn server() -> Node {
    // By default the servers talk to one another on a port that is 10000 higher, which may not exist.
    Node::start(&format!("{SETTINGS}\ncluster-port {}", free_port())).await
}

/// Waits until each server knows the owner of every slot.
pub(super) async fn wait_until_whole(servers: &[Node]) {
    for server in servers {
        server.wait_for_answer(&["cluster", "info"], "cluster_state:ok").await;
    }
}

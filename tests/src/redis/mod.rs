//! A Redis for a test, in each set-up: one server, a cluster, a master that sentinels watch.

mod cluster;
mod node;
mod sentinel;

use self::node::Node;

/// Runs each test, a function of a [`Redis`], on every set-up.
#[macro_export]
macro_rules! on_each_redis {
    ($($test:ident),+ $(,)?) => {
        mod single {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test($crate::redis::Redis::start().await).await; })+
        }
        $crate::on_each_replicated_redis!($($test),+);
    };
}

/// Runs each test, a function of a [`Redis`], on every set-up that survives the loss of a server.
#[macro_export]
macro_rules! on_each_replicated_redis {
    ($($test:ident),+ $(,)?) => {
        mod cluster {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test($crate::redis::Redis::cluster().await).await; })+
        }
        mod sentinel {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test($crate::redis::Redis::sentinel().await).await; })+
        }
    };
}

/// A running Redis. Dropping it stops it.
#[derive(Debug)]
pub struct Redis {
    url: String,
    /// The first is a master; if it has a replica, that is the last.
    servers: Vec<Node>,
    sentinels: Vec<Node>,
    /// A master that was lost. It is frozen, so that connections to it stay open.
    lost: Option<Node>,
}

impl Redis {
    /// One server, on a free port.
    pub async fn start() -> Self {
        let server = Node::start("").await;
        Self {
            url: format!("redis://{}", server.address()),
            servers: vec![server],
            sentinels: Vec::new(),
            lost: None,
        }
    }

    /// Starts a single server again after [`Redis::stop`], empty, at the same address.
    pub async fn start_again(&mut self) {
        let [server] = &mut self.servers[..] else { panic!("only a single server starts again by itself") };
        server.start_again().await;
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        // A server of a cluster sends its caller to the one that has the key.
        let value = self.a_master().ask(&["-c", "get", key]);
        (!value.is_empty()).then_some(value)
    }

    /// Whether a key is on the server that [`Redis::lose_a_master`] takes away.
    #[must_use]
    pub fn is_on_the_first_master(&self, key: &str) -> bool {
        self.servers[0].ask(&["exists", key]) == "1"
    }

    /// Stops a master from answering, keeps its connections open, and waits until its replica has replaced it.
    pub async fn lose_a_master(&mut self) {
        let replica = self.servers.last().expect("there is a replica");
        replica.wait_for_answer(&["info", "replication"], "master_link_status:up").await;
        let mut master = self.servers.remove(0);
        master.freeze();
        self.lost = Some(master);
        let replica = self.servers.last().expect("there is a replica");
        replica.wait_for_answer(&["role"], "master").await;
        self.wait_until_whole().await;
    }

    /// Stops it from answering, and keeps its connections open.
    pub fn freeze(&mut self) {
        self.nodes().for_each(Node::freeze);
    }

    /// Lets it answer again.
    pub fn thaw(&mut self) {
        self.nodes().for_each(Node::thaw);
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.nodes().for_each(Node::stop);
    }

    fn nodes(&mut self) -> impl Iterator<Item = &mut Node> {
        self.sentinels.iter_mut().chain(&mut self.servers)
    }

    fn a_master(&self) -> &Node {
        let is_master = |node: &&Node| node.ask(&["role"]).starts_with("master");
        self.servers.iter().find(is_master).expect("there is a master")
    }

    /// Waits until all remaining processes agree on the masters.
    async fn wait_until_whole(&self) {
        if self.url.contains("+cluster") {
            cluster::wait_until_whole(&self.servers).await;
        }
        if let Some(master) = self.servers.last().filter(|_| !self.sentinels.is_empty()) {
            sentinel::name(&self.sentinels, master).await;
        }
    }
}

//! HAProxy in front of three servers, as operators run it.

use crate::haproxy::HaProxy;
use crate::http::Http;
use crate::operations::example;
use crate::process::free_port;

/// A running proxy. Dropping it stops it.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    haproxy: HaProxy,
}

impl Proxy {
    /// A proxy in front of the servers at these addresses.
    pub async fn before(servers: [&str; 3]) -> Self {
        let port = free_port();
        let changes = [
            ("bind :8080", format!("bind 127.0.0.1:{port}")),
            ("10.0.0.11:8080", servers[0].to_owned()),
            ("10.0.0.12:8080", servers[1].to_owned()),
            ("10.0.0.13:8080", servers[2].to_owned()),
        ];
        let text = example("haproxy.cfg", &changes.each_ref().map(|(from, to)| (*from, to.as_str())));
        Self { port, haproxy: HaProxy::start(&text, port).await }
    }

    /// A client of the servers through the proxy.
    #[must_use]
    pub fn http(&self) -> Http {
        Http::new(&format!("127.0.0.1:{}", self.port))
    }

    /// Its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.haproxy.log()
    }
}

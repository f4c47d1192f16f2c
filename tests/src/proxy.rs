//! HAProxy in front of three servers, as operators run it.

use std::path::PathBuf;

use crate::http::Http;
use crate::operations::example;
use crate::process::{Guarded, free_port, program, wait_until_listening};

/// A running proxy. Dropping it stops it.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    dir: PathBuf,
    _process: Guarded,
}

impl Proxy {
    /// A proxy in front of the servers at these addresses.
    pub async fn before(servers: [&str; 3]) -> Self {
        // Debian has it in a folder that is only on root's path.
        let haproxy = program("haproxy", &["/usr/sbin".into()], "haproxy").display().to_string();
        let port = free_port();
        let changes = [
            ("bind :8080", format!("bind 127.0.0.1:{port}")),
            ("10.0.0.11:8080", servers[0].to_owned()),
            ("10.0.0.12:8080", servers[1].to_owned()),
            ("10.0.0.13:8080", servers[2].to_owned()),
        ];
        let text = example("haproxy.cfg", &changes.each_ref().map(|(from, to)| (*from, to.as_str())));
        // The guard removes the folder.
        let dir = tempfile::Builder::new().prefix("oss-proxy-").tempdir().expect("a folder").keep();
        let file = dir.join("haproxy.cfg");
        std::fs::write(&file, text).expect("the configuration is written");
        let command = [haproxy.as_str(), "-db", "-f", &file.display().to_string()];
        let proxy = Self { port, _process: Guarded::start(&command, "kill -TERM $pid", None, &dir), dir };
        wait_until_listening(port, || proxy.log()).await;
        proxy
    }

    /// A client of the servers through the proxy.
    #[must_use]
    pub fn http(&self) -> Http {
        Http::new(&format!("127.0.0.1:{}", self.port))
    }

    /// Its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        Guarded::log(&self.dir)
    }
}

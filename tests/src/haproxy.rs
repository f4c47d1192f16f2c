//! A process of HAProxy.

use std::path::PathBuf;

use crate::process::{Guarded, program, wait_until_listening};

/// A running HAProxy. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct HaProxy {
    dir: PathBuf,
    _process: Guarded,
}

impl HaProxy {
    /// Starts it with this configuration, and waits until it listens on `port`.
    pub(crate) async fn start(configuration: &str, port: u16) -> Self {
        // The guard removes the folder.
        let dir = tempfile::Builder::new().prefix("oss-proxy-").tempdir().expect("a folder").keep();
        let file = dir.join("haproxy.cfg");
        std::fs::write(&file, configuration).expect("the configuration is written");
        let command = [&executable(), "-db", "-f", &file.display().to_string()];
        let proxy = Self { _process: Guarded::start(&command, "kill -TERM $pid", None, &dir), dir };
        wait_until_listening(port, || proxy.log()).await;
        proxy
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        Guarded::log(&self.dir)
    }
}

/// The path of the program. Debian has it in a folder that is only on root's path.
#[must_use]
pub fn executable() -> String {
    program("haproxy", &["/usr/sbin".into()], "haproxy").display().to_string()
}

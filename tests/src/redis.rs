//! A Redis server of our own.

use std::path::PathBuf;
use std::time::Duration;

use crate::process::{Guarded, free_port, program, signal};

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    pid: u32,
    frozen: bool,
    process: Guarded,
    dir: PathBuf,
}

impl Redis {
    /// Starts a server on a free port.
    ///
    /// # Panics
    ///
    /// Where it cannot be started.
    pub async fn start() -> Self {
        for _ in 0..5 {
            if let Some(redis) = Self::serve(free_port()).await {
                return redis;
            }
        }
        panic!("Redis did not start");
    }

    /// Starts it again after [`Redis::stop`], empty, at the same address.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub async fn start_again(&mut self) {
        *self = Self::serve(self.port).await.expect("its port is still free");
    }

    async fn serve(port: u16) -> Option<Self> {
        let redis = program("redis-server", &[], "redis-server");
        // The guard removes the folder.
        let dir = tempfile::Builder::new().prefix("oss-redis-").tempdir().expect("a folder").keep();
        let (pid_file, port_text) = (dir.join("pid"), port.to_string());
        let command = [
            &redis.display().to_string(),
            "--bind",
            "127.0.0.1",
            "--port",
            &port_text,
            "--save",
            "",
            "--appendonly",
            "no",
            "--pidfile",
            &pid_file.display().to_string(),
        ];
        let process = Guarded::start(&command, "kill -TERM $pid", None, &dir);
        for _ in 0..200 {
            let answers = std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
            let pid = std::fs::read_to_string(&pid_file).ok().and_then(|pid| pid.trim().parse().ok());
            if let (true, Some(pid)) = (answers, pid) {
                return Some(Self { port, pid, frozen: false, process, dir });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        None
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The value of a key.
    ///
    /// # Panics
    ///
    /// Where Redis does not answer.
    pub async fn get(&self, key: &str) -> Option<String> {
        let client = redis::Client::open(self.url()).expect("the address is one of Redis");
        let mut connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
        redis::cmd("GET").arg(key).query_async(&mut connection).await.expect("Redis answers")
    }

    /// Lets it answer no more, with its connections open.
    pub fn freeze(&mut self) {
        self.frozen = true;
        signal(self.pid, "STOP");
    }

    /// Lets it answer again.
    pub fn thaw(&mut self) {
        if std::mem::take(&mut self.frozen) {
            signal(self.pid, "CONT");
        }
    }

    /// Stops it.
    ///
    /// # Panics
    ///
    /// Where something of it is left behind.
    pub fn stop(&mut self) {
        self.thaw();
        self.process.stop();
        assert!(!self.dir.exists(), "the guard removes the folder");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // A frozen process hears no other signal.
        self.thaw();
    }
}

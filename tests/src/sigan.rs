//! A Sigan at a fixed address. It may be down for a while, and comes back with its state.

use std::ops::Deref;

use oss_core::sigan::mock::{CallKind, Inventory, SiganMock, serve};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::eventually::eventually;
use crate::process::free_port;

/// Waits until Sigan got at least this many calls, whatever their outcome.
pub async fn wait_until_called(sigan: &SiganMock, kind: CallKind, calls: u64) {
    let enough = |called: u64| if called < calls { Err(called) } else { Ok(()) };
    eventually(async || enough(sigan.calls(kind)).map_err(|called| format!("{called} of {calls} calls")))
        .await;
}

/// A Sigan on a port of its own.
#[derive(Debug)]
pub struct Sigan {
    mock: SiganMock,
    port: u16,
    serving: Option<(oneshot::Sender<()>, JoinHandle<std::io::Result<()>>)>,
}

impl Deref for Sigan {
    type Target = SiganMock;

    fn deref(&self) -> &SiganMock {
        &self.mock
    }
}

impl Sigan {
    /// Starts a Sigan that answers.
    pub async fn start(inventory: Inventory) -> Self {
        let mut sigan = Self { mock: SiganMock::new(inventory), port: free_port(), serving: None };
        sigan.come_back().await;
        sigan
    }

    /// Its URL, also while it is down.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Answers the calls that it has, then refuses every connection.
    pub async fn go_down(&mut self) {
        let (stop, serving) = self.serving.take().expect("it answers");
        drop(stop);
        serving.await.expect("it does not panic").expect("its listener works");
    }

    /// Answers again.
    pub async fn come_back(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.expect("its port is still free");
        let (stop, stopped) = oneshot::channel();
        let until = async { drop(stopped.await) };
        self.serving = Some((stop, tokio::spawn(serve(self.mock.clone(), listener, until))));
    }
}

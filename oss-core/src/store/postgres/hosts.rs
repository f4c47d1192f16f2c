//! Finds which of several hosts accepts writes, and leads the pool there.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::faults::Target;
use super::writable::is_read_only;
use crate::store::StoreError;

/// The longest wait for one host. A host that answers sooner is not kept waiting by one that does not.
const PROBE: Duration = Duration::from_secs(1);

/// The time between two rounds.
const PAUSE: Duration = Duration::from_millis(250);

/// The search for the host that accepts writes. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Hosts {
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    wanted: Notify,
    /// The reason why no host accepts writes; none if one does.
    fault: Mutex<Option<StoreError>>,
    /// Whether the first round is over.
    searched: watch::Sender<bool>,
}

impl Hosts {
    /// Starts the search for the host to which `pool` is to connect.
    pub(super) fn watch(pool: PgPool, hosts: Vec<PgConnectOptions>) -> Self {
        let state = Arc::new(State::default());
        state.wanted.notify_one();
        let task = tokio::spawn(follow(pool, hosts, state.clone()));
        Self { state, task }
    }

    /// Waits until the hosts were asked once.
    pub(super) async fn first_round(&self) {
        // Fails only if the sender is gone, and it is in `self`.
        let _ = self.state.searched.subscribe().wait_for(|searched| *searched).await;
    }

    /// Searches again, because a statement could not be run.
    pub(super) fn search(&self) {
        self.state.wanted.notify_one();
    }

    /// The reason why no host accepts writes, if the last round found none.
    pub(super) fn fault(&self) -> Option<StoreError> {
        self.state.fault.lock().clone()
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(pool: PgPool, hosts: Vec<PgConnectOptions>, state: Arc<State>) {
    loop {
        state.wanted.notified().await;
        while let Err(fault) = lead_to_writable(&pool, &hosts, &state).await {
            let before = state.replace_fault(Some(fault.clone()));
            state.searched.send_replace(true);
            if before.is_none() {
                tracing::warn!(error = %fault, "No host of the database accepts writes.");
            }
            sleep(PAUSE).await;
        }
        sleep(PAUSE).await;
    }
}

async fn lead_to_writable(
    pool: &PgPool,
    hosts: &[PgConnectOptions],
    state: &State,
) -> Result<(), StoreError> {
    let found = writable(hosts).await?;
    let (before, now) = (Target::of(&pool.connect_options()), Target::of(&found));
    let ends_outage = state.replace_fault(None).is_some();
    pool.set_connect_options(found);
    state.searched.send_replace(true);
    if ends_outage || before.address() != now.address() {
        tracing::info!(host = now.address(), "The database accepts writes at this host.");
    }
    Ok(())
}

impl State {
    fn replace_fault(&self, fault: Option<StoreError>) -> Option<StoreError> {
        std::mem::replace(&mut *self.fault.lock(), fault)
    }
}

/// The first host that says that it accepts writes.
pub(super) async fn writable(hosts: &[PgConnectOptions]) -> Result<PgConnectOptions, StoreError> {
    let mut probes: FuturesUnordered<_> = hosts.iter().map(probe).collect();
    let mut reasons = Vec::new();
    while let Some(probed) = probes.next().await {
        match probed {
            Ok(host) => return Ok(host.clone()),
            Err(StoreError::Unavailable { reason } | StoreError::Failed { reason }) => reasons.push(reason),
        }
    }
    reasons.sort();
    Err(StoreError::unavailable(format!("no host accepts writes: {}", reasons.join("; "))))
}

async fn probe(host: &PgConnectOptions) -> Result<&PgConnectOptions, StoreError> {
    let target = Target::of(host);
    let asked = async {
        let mut connection = host.connect().await?;
        let read_only = is_read_only(&mut connection).await?;
        let _ = connection.close().await;
        Ok(read_only)
    };
    match timeout(PROBE, asked).await {
        Ok(Ok(false)) => Ok(host),
        Ok(Ok(true)) => Err(StoreError::unavailable(format!("{} is read-only", target.address()))),
        Ok(Err(error)) => Err(target.connect_error(&error)),
        Err(_) => Err(target.no_answer()),
    }
}

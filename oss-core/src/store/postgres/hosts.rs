//! Finds which of several hosts accepts writes, and leads statements there.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::future::select_all;
#[cfg(feature = "import")]
use futures::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, Row};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::borrowing::Lender;
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

#[derive(Debug)]
struct State {
    wanted: Notify,
    /// The reason of each host that was found not to accept writes since one last did.
    reasons: Mutex<Vec<Option<StoreError>>>,
    /// The latest timeline of a host that accepts writes.
    timeline: AtomicI64,
    /// Whether each host was asked once, or one was found.
    searched: watch::Sender<bool>,
    /// Changes if another host is found.
    moves: watch::Sender<()>,
}

impl Hosts {
    /// Starts the search for the host from which `lender` is to lend connections.
    pub(super) fn watch(lender: Arc<Lender>, hosts: Vec<PgConnectOptions>) -> Self {
        let state = Arc::new(State {
            wanted: Notify::new(),
            reasons: Mutex::new(vec![None; hosts.len()]),
            timeline: AtomicI64::default(),
            searched: watch::Sender::default(),
            moves: watch::Sender::default(),
        });
        state.wanted.notify_one();
        let task = tokio::spawn(follow(lender, hosts, state.clone()));
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

    /// The reason why no host accepts writes, if none does.
    pub(super) fn fault(&self) -> Option<StoreError> {
        self.state.reasons.lock().iter().cloned().collect::<Option<Vec<_>>>().map(no_host)
    }

    /// Tells when another host is found from now on.
    pub(super) fn moves(&self) -> watch::Receiver<()> {
        self.state.moves.subscribe()
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(lender: Arc<Lender>, hosts: Vec<PgConnectOptions>, state: Arc<State>) {
    loop {
        state.wanted.notified().await;
        // There are several, so one of the searches ends first.
        let searches = (0..).zip(&hosts).map(|(nr, host)| Box::pin(state.wait_until_writable(nr, host)));
        let (found, ..) = select_all(searches).await;
        state.lead(&lender, found);
        sleep(PAUSE).await;
    }
}

impl State {
    /// Asks one host again and again. So a host that does not answer keeps no other one waiting.
    async fn wait_until_writable<'a>(&self, nr: usize, host: &'a PgConnectOptions) -> &'a PgConnectOptions {
        loop {
            let probed = probe(host).await.and_then(|timeline| self.refuse_deposed(host, timeline));
            let Err(reason) = probed else { return host };
            self.record(nr, reason);
            sleep(PAUSE).await;
        }
    }

    /// Refuses a primary that wakes up after another one took over, and does not know that yet. Its data is out of date. Each
    /// promotion begins a new timeline.
    fn refuse_deposed(&self, host: &PgConnectOptions, timeline: i64) -> Result<(), StoreError> {
        if timeline < self.timeline.fetch_max(timeline, Ordering::Relaxed) {
            let address = Target::of(host).address().to_owned();
            return Err(StoreError::unavailable(format!("{address} is no longer the primary")));
        }
        Ok(())
    }

    fn record(&self, nr: usize, reason: StoreError) {
        let mut reasons = self.reasons.lock();
        let was_known = !reasons.contains(&None);
        reasons[nr] = Some(reason);
        let known = reasons.iter().cloned().collect::<Option<Vec<_>>>();
        drop(reasons);
        let Some(fault) = known.filter(|_| !was_known).map(no_host) else { return };
        self.searched.send_replace(true);
        tracing::warn!(error = %fault, "No host of the database accepts writes.");
    }

    fn lead(&self, lender: &Lender, found: &PgConnectOptions) {
        let now = Target::of(found);
        let is_move = lender.target().address() != now.address();
        if is_move {
            lender.move_to(found.clone());
            self.moves.send_replace(());
        }
        let mut reasons = self.reasons.lock();
        let ends_outage = !reasons.contains(&None);
        reasons.fill(None);
        drop(reasons);
        self.searched.send_replace(true);
        if ends_outage || is_move {
            tracing::info!(host = now.address(), "The database accepts writes at this host.");
        }
    }
}

fn no_host(reasons: Vec<StoreError>) -> StoreError {
    let reason = |(StoreError::Unavailable { reason } | StoreError::Failed { reason })| reason;
    let mut reasons: Vec<_> = reasons.into_iter().map(reason).collect();
    reasons.sort();
    StoreError::unavailable(format!("no host accepts writes: {}", reasons.join("; ")))
}

/// The first host that says that it accepts writes.
#[cfg(feature = "import")]
pub(super) async fn writable(hosts: &[PgConnectOptions]) -> Result<PgConnectOptions, StoreError> {
    let mut probes: FuturesUnordered<_> = hosts.iter().map(async |host| (host, probe(host).await)).collect();
    let mut reasons = Vec::new();
    while let Some((host, probed)) = probes.next().await {
        match probed {
            Ok(_) => return Ok(host.clone()),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(no_host(reasons))
}

/// The timeline of a host that accepts writes, or the reason why it does not.
async fn probe(host: &PgConnectOptions) -> Result<i64, StoreError> {
    const TIMELINE: &str =
        "select ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint";
    let target = Target::of(host);
    let asked = async {
        let mut connection = host.connect().await?;
        if is_read_only(&mut connection).await? {
            return Ok(None);
        }
        let timeline: i64 = connection.fetch_one(TIMELINE).await?.try_get(0)?;
        let _ = connection.close().await;
        Ok(Some(timeline))
    };
    match timeout(PROBE, asked).await {
        Ok(Ok(Some(timeline))) => Ok(timeline),
        Ok(Ok(None)) => Err(StoreError::unavailable(format!("{} is read-only", target.address()))),
        Ok(Err(error)) => Err(target.connect_error(&error)),
        Err(_) => Err(target.no_answer()),
    }
}

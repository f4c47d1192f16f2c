//! Lends connections to statements, and finds the reason if there is none.
//!
//! The pool retries a server that refuses connections, and in the end reports only that it waited too long. So while a statement
//! waits and no other statement has a connection, we open one outside the pool. If that fails, its error is the reason.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{ConnectOptions, Connection, PgConnection, Postgres};
use tokio::time::{Instant, sleep, timeout};

use super::connections::ACQUIRE;
use super::faults::{Target, store_error};
use super::repeats::Failure;
use crate::store::StoreError;

/// The time that a statement waits for a connection before each probe for the reason.
const PROBE_INTERVAL: Duration = Duration::from_millis(300);

/// The longest time to open a connection for a probe.
const PROBE: Duration = Duration::from_secs(1);

/// The longest time to open a connection outside the pool.
const OPEN: Duration = Duration::from_secs(5);

/// Lends the connections of a pool.
#[derive(Debug)]
pub(super) struct Lender {
    pool: RwLock<PgPool>,
    /// The count of lent connections. The pool's own count includes those that are being opened.
    lent: AtomicUsize,
    last_fault: Mutex<Option<(StoreError, Instant)>>,
    probing: tokio::sync::Mutex<()>,
}

/// A lent connection. It is closed unless it is given back, also if the caller stops waiting in the middle of a statement.
pub(super) struct Borrowed<'a> {
    connection: Option<PoolConnection<Postgres>>,
    lender: &'a Lender,
}

/// Opens a connection. Gives up after [`OPEN`] if the server does not answer.
pub(super) async fn open(options: &PgConnectOptions, target: &Target) -> Result<PgConnection, StoreError> {
    match timeout(OPEN, options.connect()).await {
        Ok(opened) => opened.map_err(|error| target.connect_error(&error)),
        Err(_) => Err(target.no_answer()),
    }
}

impl Lender {
    pub(super) fn new(pool: PgPool) -> Self {
        let (last_fault, probing) = (Mutex::new(None), tokio::sync::Mutex::new(()));
        Self { pool: RwLock::new(pool), lent: AtomicUsize::new(0), last_fault, probing }
    }

    pub(super) fn pool(&self) -> PgPool {
        self.pool.read().clone()
    }

    /// Lends connections to another server from now on. The pool is replaced, because the old one may have connections whose server
    /// does not answer, or answers with data that is out of date once it wakes up.
    pub(super) fn move_to(&self, options: PgConnectOptions) {
        let pool = self.pool().options().clone().connect_lazy_with(options);
        *self.pool.write() = pool;
    }

    /// The server to which the pool connects now.
    pub(super) fn target(&self) -> Target {
        Target::of(&self.pool().connect_options())
    }

    /// Borrows a connection, or returns the reason why there is none.
    pub(super) async fn borrow(&self) -> Result<Borrowed<'_>, Failure> {
        let pool = self.pool();
        tokio::select! {
            // This comes first, because the pool usually has a connection at once. Then the probe does not even start.
            biased;
            // An embedder's pool may wait for longer than a caller should.
            acquired = timeout(ACQUIRE, pool.acquire()) => match acquired.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
                Ok(connection) => {
                    self.lent.fetch_add(1, Ordering::Relaxed);
                    Ok(Borrowed { connection: Some(connection), lender: self })
                }
                Err(error @ sqlx::Error::PoolTimedOut) => {
                    Err(self.recent_fault().map_or(Failure::Sql(error), Failure::NoConnection))
                }
                Err(error) => Err(Failure::Connect(error)),
            },
            never = self.probe_for_faults() => match never {},
        }
    }

    /// Opens a connection outside the pool.
    pub(super) async fn open(&self) -> Result<PgConnection, StoreError> {
        open(&self.pool().connect_options(), &self.target()).await
    }

    /// The reason why no connection became free in time.
    pub(super) fn none_free(&self) -> StoreError {
        self.recent_fault().unwrap_or_else(|| store_error(&sqlx::Error::PoolTimedOut))
    }

    /// The last fault, unless a connection was opened or lent since then.
    fn recent_fault(&self) -> Option<StoreError> {
        let last = self.last_fault.lock().clone();
        last.filter(|(_, at)| at.elapsed() < ACQUIRE && !self.is_lending()).map(|(fault, _)| fault)
    }

    fn is_lending(&self) -> bool {
        self.lent.load(Ordering::Relaxed) > 0
    }

    async fn probe_for_faults(&self) -> Infallible {
        loop {
            sleep(PROBE_INTERVAL).await;
            // If a statement has a connection, the others wait for that statement. One probe is enough for all that wait.
            if let (false, Ok(_probing)) = (self.is_lending(), self.probing.try_lock()) {
                let fault = self.probe().await.err().map(|fault| (fault, Instant::now()));
                *self.last_fault.lock() = fault;
            }
        }
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let connection =
            timeout(PROBE, self.open()).await.unwrap_or_else(|_| Err(self.target().no_answer()))?;
        let _ = connection.close().await;
        Ok(())
    }
}

impl Borrowed<'_> {
    /// The connection; none after it was given back.
    pub(super) fn connection(&mut self) -> Option<&mut PgConnection> {
        self.connection.as_deref_mut()
    }

    pub(super) fn give_back(mut self) {
        drop(self.connection.take());
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.lender.lent.fetch_sub(1, Ordering::Relaxed);
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}

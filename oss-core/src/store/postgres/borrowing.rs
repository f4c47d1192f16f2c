//! Connections that are lent to statements, and why there is none to lend.
//!
//! The pool retries a server that refuses connections, and in the end says only that it waited too long. So while a statement
//! waits and no other one has a connection, one is opened beside the pool: the error that meets is the reason.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{ConnectOptions, Connection, PgConnection, Postgres};
use tokio::time::{Instant, sleep, timeout};

use super::connections::ACQUIRE;
use super::faults::Target;
use super::repeats::Failure;
use crate::store::StoreError;

/// How long a statement waits for a connection before the reason is looked for, and between two looks.
const LOOK: Duration = Duration::from_millis(300);

/// The longest that a connection may take that is opened to learn the reason.
const PROBE: Duration = Duration::from_secs(1);

/// The longest that a connection of its own may take.
const OPEN: Duration = Duration::from_secs(5);

/// Lends the connections of a pool.
#[derive(Debug)]
pub(super) struct Lender {
    pool: PgPool,
    target: Target,
    /// How many connections are lent. The pool counts those that are being opened too.
    lent: AtomicUsize,
    last_fault: Mutex<Option<(StoreError, Instant)>>,
    probing: tokio::sync::Mutex<()>,
}

/// A connection that is closed unless it is given back: also where the caller stops waiting in the middle of a statement.
pub(super) struct Borrowed<'a> {
    connection: Option<PoolConnection<Postgres>>,
    lender: &'a Lender,
}

/// Opens a connection. A server that does not answer is not waited for without end.
pub(super) async fn open(options: &PgConnectOptions, target: &Target) -> Result<PgConnection, StoreError> {
    match timeout(OPEN, options.connect()).await {
        Ok(opened) => opened.map_err(|error| target.connect_error(&error)),
        Err(_) => Err(target.silent()),
    }
}

impl Lender {
    pub(super) fn new(pool: PgPool) -> Self {
        let target = Target::of(&pool.connect_options());
        let (last_fault, probing) = (Mutex::new(None), tokio::sync::Mutex::new(()));
        Self { pool, target, lent: AtomicUsize::new(0), last_fault, probing }
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Borrows a connection, or says why there is none.
    pub(super) async fn borrow(&self) -> Result<Borrowed<'_>, Failure> {
        tokio::select! {
            // First, because it mostly has one at once: then nothing else is even begun.
            biased;
            // An embedder's pool may wait for longer than a caller should.
            acquired = timeout(ACQUIRE, self.pool.acquire()) => match acquired.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
                Ok(connection) => {
                    self.lent.fetch_add(1, Ordering::Relaxed);
                    Ok(Borrowed { connection: Some(connection), lender: self })
                }
                Err(error @ sqlx::Error::PoolTimedOut) => {
                    Err(self.recent_fault().map_or(Failure::Sql(error), Failure::NoConnection))
                }
                Err(error) => Err(Failure::Connect(error)),
            },
            never = self.look_for_faults() => match never {},
        }
    }

    /// Opens a connection of its own.
    pub(super) async fn open(&self) -> Result<PgConnection, StoreError> {
        open(&self.pool.connect_options(), &self.target).await
    }

    /// The last fault, unless a connection was opened or lent since.
    fn recent_fault(&self) -> Option<StoreError> {
        let last = self.last_fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
        last.filter(|(_, at)| at.elapsed() < ACQUIRE && !self.is_lending()).map(|(fault, _)| fault)
    }

    fn is_lending(&self) -> bool {
        self.lent.load(Ordering::Relaxed) > 0
    }

    async fn look_for_faults(&self) -> Infallible {
        loop {
            sleep(LOOK).await;
            // If a statement has a connection, the others wait for that statement. One look is enough for all who wait.
            if let (false, Ok(_probing)) = (self.is_lending(), self.probing.try_lock()) {
                let fault = self.probe().await.err().map(|fault| (fault, Instant::now()));
                *self.last_fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
            }
        }
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let connection = timeout(PROBE, self.open()).await.unwrap_or_else(|_| Err(self.target.silent()))?;
        let _ = connection.close().await;
        Ok(())
    }
}

impl Borrowed<'_> {
    /// The connection; none once it is given back.
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

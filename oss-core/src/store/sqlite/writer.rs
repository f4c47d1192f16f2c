//! Writes to SQLite. Steps that wait at the same time share one transaction, and so one write to the disk.
//!
//! A transaction takes the write lock when it begins, so that it waits for another process instead of failing at its first write.
//! It runs in a task of its own. Otherwise a caller who stops waiting could leave it open, and every later write on the connection
//! would be part of it and be lost. Each step of a shared transaction has a savepoint, so a step that fails undoes only its own
//! writes.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{Connection, Sqlite};

use super::connections::{BUSY, Clock, Micros, micros};
use super::faults::{code, store_error};
use crate::store::StoreError;
use crate::store::batch::{Answers, BatchError, Engine, Key, Member};

/// A statement with its values.
pub(super) type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// A step in progress: its transaction, which holds the write lock, and the time, which was read under the lock.
pub(super) struct Step<'c> {
    pub(super) connection: &'c mut SqliteConnection,
    pub(super) now: Micros,
    client: Option<Arc<str>>,
}

impl Step<'_> {
    /// The client whose step it is, as a parameter of the statements that change rows.
    pub(super) fn client(&self) -> Option<String> {
        self.client.as_deref().map(str::to_owned)
    }

    /// Runs a statement and returns the count of rows that it changed.
    pub(super) async fn run(&mut self, statement: Statement<'_>) -> Result<u64, sqlx::Error> {
        Ok(statement.execute(&mut *self.connection).await?.rows_affected())
    }

    /// Reads each row of a statement.
    pub(super) async fn all<T>(
        &mut self,
        statement: Statement<'_>,
        read: impl Fn(&SqliteRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, sqlx::Error> {
        statement.fetch_all(&mut *self.connection).await?.iter().map(read).collect()
    }

    /// Reads the rows of a statement together.
    pub(super) async fn read<T>(
        &mut self,
        statement: Statement<'_>,
        read: impl FnOnce(&[SqliteRow]) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        read(&statement.fetch_all(&mut *self.connection).await?)
    }

    /// Reads the only row of a statement, if it has one.
    pub(super) async fn maybe<T>(
        &mut self,
        statement: Statement<'_>,
        read: impl FnOnce(&SqliteRow) -> Result<T, sqlx::Error>,
    ) -> Result<Option<T>, sqlx::Error> {
        statement.fetch_optional(&mut *self.connection).await?.as_ref().map(read).transpose()
    }

    /// Reads the only row of a statement that always has one.
    pub(super) async fn one<T>(
        &mut self,
        statement: Statement<'_>,
        read: impl FnOnce(&SqliteRow) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        read(&statement.fetch_one(&mut *self.connection).await?)
    }
}

/// The future of a step.
pub(super) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'c>>;

/// A step that waits for its transaction.
pub(in crate::store) struct Write {
    work: Mutex<Option<Job>>,
    client: Option<Arc<str>>,
}

type Job = Box<dyn for<'c> FnOnce(Step<'c>) -> Work<'c, ()> + Send>;

impl Write {
    pub(super) fn new(
        client: Option<Arc<str>>,
        work: impl for<'c> FnOnce(Step<'c>) -> Work<'c, ()> + Send + 'static,
    ) -> Self {
        Self { work: Mutex::new(Some(Box::new(work))), client }
    }

    async fn run(&self, connection: &mut SqliteConnection, now: Micros) -> Result<(), sqlx::Error> {
        let work = self.work.lock().take();
        // A write is executed once only: a transaction that fails as a whole is not repeated.
        let Some(work) = work else { return Ok(()) };
        work(Step { connection, now, client: self.client.clone() }).await
    }
}

/// The connection that writes.
#[derive(Debug)]
pub(in crate::store) struct Writer {
    pool: SqlitePool,
    clock: Arc<dyn Clock>,
    file: Arc<Path>,
}

impl Writer {
    pub(super) fn new(pool: SqlitePool, clock: Arc<dyn Clock>, file: Arc<Path>) -> Self {
        Self { pool, clock, file }
    }

    async fn write(&self, writes: &[Write]) -> Result<Vec<Result<(), StoreError>>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let outcome = self.write_on(&mut connection, writes).await;
        // If the disk fails, SQLite rolls back by itself. Then sqlx's own rollback finds no transaction, and sqlx never
        // begins another one on this connection. A connection that was opened on a read-only file stays read-only.
        if outcome.as_ref().is_err_and(disk_failed) {
            connection.close_on_drop();
        }
        outcome
    }

    async fn write_on(
        &self,
        connection: &mut SqliteConnection,
        writes: &[Write],
    ) -> Result<Vec<Result<(), StoreError>>, sqlx::Error> {
        let mut transaction = connection.begin_with("begin immediate").await?;
        let mut outcomes = Vec::with_capacity(writes.len());
        for write in writes {
            // A step alone needs no savepoint, because its transaction can be rolled back.
            let outcome = match writes {
                [_] => Ok(write.run(&mut transaction, micros(&*self.clock)).await?),
                _ => self.write_in_savepoint(&mut transaction, write).await?,
            };
            outcomes.push(outcome);
        }
        transaction.commit().await?;
        Ok(outcomes)
    }

    async fn write_in_savepoint(
        &self,
        transaction: &mut SqliteConnection,
        write: &Write,
    ) -> Result<Result<(), StoreError>, sqlx::Error> {
        let mut savepoint = transaction.begin().await?;
        match write.run(&mut savepoint, micros(&*self.clock)).await {
            Ok(()) => savepoint.commit().await.map(Ok),
            Err(error) if disk_failed(&error) => Err(error),
            Err(error) => {
                savepoint.rollback().await?;
                Ok(Err(store_error(&self.file, &error)))
            }
        }
    }
}

impl Engine for Writer {
    // Only one connection writes.
    const SLOTS: usize = 1;
    const SLOW: Duration = Duration::MAX;
    const PATIENCE: Duration = BUSY.saturating_mul(2);

    fn too_busy(&self) -> StoreError {
        store_error(&self.file, &sqlx::Error::PoolTimedOut)
    }
}

impl Member for Write {
    type Engine = Writer;
    type Answer = ();

    fn keys(&self) -> Vec<Key> {
        // Each step sees what the steps before it wrote.
        Vec::new()
    }

    async fn run(engine: &Writer, writes: &[Self]) -> Answers<()> {
        let outcomes = engine.write(writes).await;
        outcomes.map_err(|error| BatchError::Unreachable(store_error(&engine.file, &error)))
    }
}

/// Whether the disk is full, broken or read-only. A database in memory has no disk, and keeps its connection.
fn disk_failed(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| matches!(code & 0xff, 8 | 10 | 13))
}

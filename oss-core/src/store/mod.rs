//! What the operations ask of a database, and what it answers.
//!
//! A method here is one step of the domain, not one row: each backend takes it in as few round trips as it can. The database
//! is the judge of every race: its indexes refuse a second holder of a number. Backends know no operation and call nobody.

mod catalog;
mod live;
mod migrations;
mod offering;
mod postgres;
mod rows;
mod sims;
mod sqlite;
mod tenant;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
pub use catalog::CatalogStore;
pub use migrations::MigrationReport;
pub use postgres::{PostgresStore, bounded};
use secrecy::{ExposeSecret, SecretString};
pub use sqlite::{Clock, SqliteStore, SystemClock};
pub use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

pub use crate::domain::{
    AdoptOutcome, AdoptRefusal, Adoption, Assign, Begin, BeginRandom, Census, Claims, Confirmed, Delivery,
    Due, HeldNumber, HeldPage, Intent, Keyed, KeyedPreview, KnownHold, Lease, LiveHold, NewPreview,
    OtherNumber, Overdue, PoolUsage, PreviousPreview, Range, Release, Tenant, UnreadableRow,
};
use crate::domain::{
    BrandId, Choice, Ddd, IdempotencyKey, Msisdn, Number, PreviewId, ReservationId, ReservationState, SimId,
};
use crate::sigan::{Hold, ListedHold};

/// Where the database is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DatabaseConfig {
    /// `postgres://…` or `sqlite://…`; wrapped, because it may carry a password.
    pub url: SecretString,
    /// How many connections to PostgreSQL are kept at most.
    pub pool: u32,
}

/// Why the database did not do what it was asked.
///
/// The reason is in words or a code, and may name the server or the file. It never has the text of the database, which repeats
/// values, nor a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, is too busy, or cannot write. Worth trying again.
    #[error("the database is not available: {reason}")]
    Unavailable {
        /// The reason, and what to do.
        reason: String,
    },
    /// It refused a statement, or holds a row that cannot be read.
    #[error("the database cannot be used: {reason}")]
    Failed {
        /// The reason, and what to do.
        reason: String,
    },
}

impl StoreError {
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into() }
    }

    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into() }
    }

    /// Whether the same step may succeed a moment later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// The database, as the operations on numbers see it.
///
/// Every method is one step that happens whole or not at all. Each may be repeated after an error: a step that had
/// happened after all is recognised by the ids its caller chose. A step that is confined to a [`Tenant`] answers for what
/// belongs to another as it does for what does not exist.
#[async_trait]
pub trait Store: CatalogStore {
    /// Whether the database answers and has the tables of this version.
    async fn check(&self) -> Result<(), StoreError>;

    /// Whether any locality has the area code (`location_ddd`).
    async fn ddd_exists(&self, ddd: Ddd) -> Result<bool, StoreError>;

    /// The preview that a new one is to replace.
    async fn previous_preview(
        &self,
        tenant: Option<&Tenant>,
        id: PreviewId,
    ) -> Result<Option<PreviousPreview>, StoreError>;

    /// The preview that was created under a key, whoever it belongs to: the key bars another.
    async fn keyed_preview(
        &self,
        tenant: Option<&Tenant>,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyedPreview>, StoreError>;

    /// Stores a preview with its numbers, and ends the one whose place it takes. False, and nothing is stored, where another
    /// preview has its key.
    async fn create_preview(&self, preview: &NewPreview) -> Result<bool, StoreError>;

    /// Takes the lease on a number of a preview, as the attempt `id`, or says why not.
    ///
    /// An attempt of this preview at this number whose outcome is in doubt, or whose lease ran out, is taken up again.
    async fn begin_reservation(
        &self,
        tenant: Option<&Tenant>,
        id: ReservationId,
        preview: PreviewId,
        choice: Choice,
        intent: Intent,
    ) -> Result<Begin, StoreError>;

    /// Takes the lease on a number that comes from no preview, as the attempt `id`.
    async fn begin_random(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        key: Option<&IdempotencyKey>,
        lease: Duration,
    ) -> Result<BeginRandom, StoreError>;

    /// Finds the random reservation that was begun under a key, and says what became of it; none if there was none, or nothing
    /// came of it. A lease that is taken is that of the attempt `id`. One that belongs to another tenant is another request.
    async fn resume_keyed(
        &self,
        tenant: Option<&Tenant>,
        id: ReservationId,
        key: &IdempotencyKey,
        ddd: Ddd,
        intent: Intent,
    ) -> Result<Option<Keyed>, StoreError>;

    /// Sigan holds the number: the attempt is `HELD` for `hold_for`, the number `RESERVED`, and its preview names it.
    async fn confirm(&self, lease: &Lease, hold_for: Duration) -> Result<Confirmed, StoreError>;

    /// Ends leases that were taken and never used, because the answer did not reach the caller: an attempt that began with its
    /// lease is `REJECTED`, and an older one may be taken up again at once. Those that it ended; another one may yet be about
    /// to be committed.
    async fn abandon(&self, leases: &[ReservationId]) -> Result<Vec<ReservationId>, StoreError>;

    /// Sigan gave no certain answer: the attempt is `IN_DOUBT`, due in `retry_in`, and the number `RESERVED` and tied to its
    /// preview, so that it will be released if abandoned. False if the attempt does not wait for this call's answer.
    async fn doubt(&self, lease: &Lease, reason: &str, retry_in: Duration) -> Result<bool, StoreError>;

    /// Sigan does not hold the number for us, for certain, and nothing that was sent can still arrive: the attempt is
    /// `REJECTED`, the number untouched.
    async fn reject(&self, lease: &Lease, reason: &str) -> Result<(), StoreError>;

    /// The attempt is given up, though what was sent for it may still arrive: it is `CANCELLING`, leased for `tell_within` to
    /// the caller, who tells Sigan at once, and a number that it had left `RESERVED` is `RETURNED`. None where a newer call
    /// has the attempt.
    async fn cancel(
        &self,
        lease: &Lease,
        reason: &str,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError>;

    /// Records that a hold is to be released whose row is gone: a failover of the database lost it. None if the attempt has a
    /// row, or another attempt is at work on the same hold. That attempt counts the lost call as one of its own, because what
    /// the lost call did outlasts its own first call, even if that one was not sent.
    async fn release_lost(
        &self,
        lease: &Lease,
        reason: &str,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError>;

    /// Gives a number back. The hold's row is `RELEASING`, leased for `lease` to the caller, who tells Sigan at once.
    async fn release(
        &self,
        tenant: Option<&Tenant>,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<Release, StoreError>;

    /// Sigan was told: what was `RELEASING` is `RELEASED`, what was `CANCELLING` is `REJECTED`. The state it came to; none
    /// where another had told before.
    async fn delivered(&self, id: ReservationId) -> Result<Option<ReservationState>, StoreError>;

    /// Sigan could not be told: the hold's row stays as it is, due again in `retry_in`.
    async fn undelivered(
        &self,
        delivery: &Delivery,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError>;

    /// Puts a reserved number on a line.
    async fn assign(&self, tenant: Option<&Tenant>, msisdn: Msisdn, sim: SimId)
    -> Result<Assign, StoreError>;

    /// Records, as the attempt `id` if there is none, that a number is on a line for a tenant.
    async fn adopt(
        &self,
        tenant: &Tenant,
        id: ReservationId,
        adoption: &Adoption,
    ) -> Result<AdoptOutcome, StoreError>;

    /// What a number is now and every hold it has had, the latest first; none for a number never seen. A tenant is told of
    /// its own holds alone.
    async fn number(&self, tenant: Option<&Tenant>, msisdn: Msisdn) -> Result<Option<Number>, StoreError>;

    /// Settles what needs no word of Sigan, of at most `limit` abandoned numbers and as many attempts whose lease ran out:
    /// the numbers are `RETURNED` and their holds due to be told, unless they are on a line; the attempts are `IN_DOUBT`.
    async fn settle_overdue(&self, limit: u32) -> Result<Overdue, StoreError>;

    /// Claims at most `limit` of what is due to be asked or told, the longest due first, each leased for `lease`. No two
    /// callers claim the same. A row that cannot be read is set aside: nobody claims it again.
    async fn claim_due(&self, limit: u32, lease: Duration) -> Result<Claims, StoreError>;

    /// Deletes at most `limit` previews that ended more than `retention` ago and that nothing refers to which is unsettled or
    /// knows Sigan's id of a held number from nowhere else.
    async fn purge_previews(&self, retention: Duration, limit: u32) -> Result<u64, StoreError>;

    /// Counts the reservations that the sweep still has to look at, now or later, by state. Reads at most `limit` of them, those
    /// due first.
    async fn census(&self, limit: u32) -> Result<Census, StoreError>;

    /// How the connections are used now. Asks nobody.
    fn pools(&self) -> Vec<PoolUsage>;

    /// What is known here of holds that Sigan lists, in their order. Young is what changed within `young`.
    async fn known_holds(&self, listed: &[ListedHold], young: Duration)
    -> Result<Vec<KnownHold>, StoreError>;

    /// The brands that are recorded of live reservations.
    async fn holding_brands(&self) -> Result<Vec<BrandId>, StoreError>;

    /// The numbers of a range that are `RESERVED` or `IN_USE` here, belong to a tenant, and that Sigan should hold for its
    /// brand, in order, at most `limit`: not those that were ported in. Young is what changed within `young`.
    async fn held_numbers(
        &self,
        tenant: &Tenant,
        range: Range,
        young: Duration,
        limit: u32,
    ) -> Result<HeldPage, StoreError>;

    /// How many numbers [`held_numbers`](Self::held_numbers) gives for all tenants together. Reads every number.
    async fn count_held_numbers(&self) -> Result<u64, StoreError>;

    /// The reservations that are set aside because they cannot be read, at most `limit`, from the one after `after` on.
    async fn set_aside_rows(
        &self,
        after: Option<ReservationId>,
        limit: u32,
    ) -> Result<Vec<(ReservationId, UnreadableRow)>, StoreError>;

    /// Records, as the attempt `id`, that a hold which Sigan lists is to be released. The row carries the preview that offered
    /// the number, so that nobody reserves it from there any more. None where its number is held here, or an attempt at it is
    /// not over: then it is not ours to end.
    async fn release_stray(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError>;

    /// Gives back a number whose hold Sigan has lost: only where the attempt is still `HELD` and its number `RESERVED`.
    async fn give_back_lost(
        &self,
        id: ReservationId,
        reason: &str,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError>;
}

/// The database that a store works on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Database {
    /// The one at a URL, with a pool of the store's own.
    Url(DatabaseConfig),
    /// PostgreSQL, with a pool of the store's own of at most so many connections.
    Options(Box<PgConnectOptions>, u32),
    /// PostgreSQL, through a pool that the embedder has, whose sessions are [`bounded`].
    Pool(PgPool),
}

impl From<&DatabaseConfig> for Database {
    fn from(config: &DatabaseConfig) -> Self {
        Self::Url(config.clone())
    }
}

impl From<(PgConnectOptions, u32)> for Database {
    fn from((options, connections): (PgConnectOptions, u32)) -> Self {
        Self::Options(Box::new(options), connections)
    }
}

impl From<PgPool> for Database {
    fn from(pool: PgPool) -> Self {
        Self::Pool(pool)
    }
}

/// A store on a database. Its tables are those of [`migrate`].
///
/// # Errors
///
/// [`StoreError`] where the URL is neither one of PostgreSQL nor one of SQLite.
pub async fn connect(database: impl Into<Database>) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match database.into() {
        Database::Url(config) if is_sqlite(&config) => {
            Arc::new(SqliteStore::open(&config.url, Arc::new(SystemClock)).await?)
        }
        Database::Url(config) => Arc::new(PostgresStore::new(&config.url, config.pool)?),
        Database::Options(options, connections) => {
            Arc::new(PostgresStore::with_options(*options, connections))
        }
        Database::Pool(pool) => Arc::new(PostgresStore::with_pool(pool)),
    })
}

/// Brings the tables and the reference data of the configured database to this version.
///
/// Numbers that were held before this service recorded reservations get one. Those that are not on a line are held for
/// `reservation_ttl` from now on.
///
/// # Errors
///
/// [`StoreError`] if the database cannot be reached or used, or a migration fails.
pub async fn migrate(
    config: &DatabaseConfig,
    reservation_ttl: Duration,
) -> Result<MigrationReport, StoreError> {
    if is_sqlite(config) {
        // A database on SQLite was made by this service.
        SqliteStore::migrate(&config.url).await.map(|()| MigrationReport::default())
    } else {
        PostgresStore::migrate(&config.url, reservation_ttl).await
    }
}

fn is_sqlite(config: &DatabaseConfig) -> bool {
    config.url.expose_secret().starts_with("sqlite:")
}

//! What the operations ask of a database, and what it answers.
//!
//! A method here is one step of the domain, not one row: each backend takes it in as few round trips as it can. The database
//! is the judge of every race: its indexes refuse a second holder of a number. Backends know no operation and call nobody.

mod catalog;
mod facts;
mod migrations;
mod postgres;
mod rows;
mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
pub use catalog::CatalogStore;
pub use postgres::PostgresStore;
use secrecy::ExposeSecret;
pub use sqlite::{Clock, SqliteStore, SystemClock};

use crate::config::DatabaseConfig;
use crate::numbers::{
    BrandId, Choice, Ddd, ExternalId, Msisdn, Number, NumberStatus, PreviewId, ReservationId, SimId,
};
use crate::sigan::Hold;

/// Why the database did not do what it was asked.
///
/// The reason is a code or a constraint's name, never the text of the database, which repeats values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, is too busy, or cannot write. Worth trying again.
    #[error("the database is not available ({reason}); try again")]
    Unavailable {
        /// A code or a short description.
        reason: String,
    },
    /// It refused a statement, or holds a row that cannot be read.
    #[error("the database failed ({reason})")]
    Failed {
        /// A code or a short description.
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

/// A pre-reservation to be stored, with the numbers Sigan offered.
#[derive(Debug, Clone)]
pub struct NewPreview {
    /// Our name for it, chosen by the caller, so that storing it twice is storing it once.
    pub id: PreviewId,
    /// Sigan's name for it.
    pub external_id: ExternalId,
    /// The brand it was made for.
    pub brand: BrandId,
    /// The numbers, in the order in which they are shown: index 1, 2, 3.
    pub msisdns: Vec<Msisdn>,
    /// How much longer a number may be reserved from it, counted from now.
    pub valid_for: Duration,
    /// The preview whose place it takes, whose numbers Sigan has just freed.
    pub previous: Option<PreviewId>,
}

/// The preview that a new one is to replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousPreview {
    /// Sigan's name for it.
    pub external_id: ExternalId,
    /// Whether it holds a number, or a call is trying to hold one from it.
    pub in_use: bool,
}

/// The right to ask Sigan for one number, for a while. One row of `reservation`, in state `PENDING`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The attempt to hold the number.
    pub reservation: ReservationId,
    /// Counts the calls to Sigan of this attempt, from 1. It fences: what an older call learned cannot undo a newer one.
    pub call: i32,
    /// What Sigan is asked to hold.
    pub hold: Hold,
}

impl Lease {
    /// Whether an earlier call of this attempt may have taken effect in Sigan.
    #[must_use]
    pub fn is_repeat(&self) -> bool {
        self.call > 1
    }
}

/// What a preview says of a wish to reserve one of its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// The number may be asked of Sigan: the caller has the lease.
    Started(Lease),
    /// This preview already holds this very number.
    Held(Msisdn),
    /// Another call is asking Sigan for this very number, from this preview.
    InFlight,
    /// Another number of this preview is being asked of Sigan, or its outcome is in doubt.
    OtherInFlight,
    /// The preview holds another number, or its number was released.
    Used,
    /// No such preview.
    UnknownPreview,
    /// The preview has no number with this index.
    UnknownChoice,
    /// Its time is over.
    Expired,
    /// The number is reserved or in use, though Sigan offered it.
    Taken(Msisdn),
}

/// What became of a hold that Sigan confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// Recorded: the number is ours.
    Held,
    /// The number was released meanwhile.
    Released,
    /// The attempt was given up meanwhile, so the hold is to be released again.
    GivenUp(Delivery),
}

/// A hold that Sigan is to be told to release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The row that says so, in state `RELEASING`.
    pub reservation: ReservationId,
    /// What Sigan is to release.
    pub hold: Hold,
}

/// What became of a wish to release a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// The number is not known.
    Unknown,
    /// It was given back before.
    AlreadyReturned,
    /// It is neither reserved nor returned.
    Forbidden(NumberStatus),
    /// A call to Sigan about this number is under way.
    InFlight,
    /// Given back now. Sigan is to be told, where its id of the hold is known.
    Returned(Option<Delivery>),
}

/// What became of a wish to put a number on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assign {
    /// The number is not known.
    Unknown,
    /// It is on a line with this SIM, now or already.
    Assigned,
    /// It is on a line with another SIM.
    AssignedElsewhere,
    /// Whether Sigan holds it is not certain yet.
    InDoubt,
    /// It was given back.
    Forbidden(NumberStatus),
}

/// The database, as the operations on numbers see it.
///
/// Every method is one step that happens whole or not at all. Each may be repeated after an error: a step that had
/// happened after all is recognised by the ids its caller chose.
#[async_trait]
pub trait Store: CatalogStore {
    /// Whether the database answers and has the tables of this version.
    async fn check(&self) -> Result<(), StoreError>;

    /// Whether any locality has the area code (`location_ddd`).
    async fn ddd_exists(&self, ddd: Ddd) -> Result<bool, StoreError>;

    /// The preview that a new one is to replace.
    async fn previous_preview(&self, id: PreviewId) -> Result<Option<PreviousPreview>, StoreError>;

    /// Stores a preview with its numbers, and ends the one whose place it takes.
    async fn create_preview(&self, preview: &NewPreview) -> Result<(), StoreError>;

    /// Takes the lease on a number of a preview, as the attempt `id`, or says why not.
    ///
    /// An attempt of this preview at this number whose outcome is in doubt, or whose lease ran out, is taken up again.
    async fn begin_reservation(
        &self,
        id: ReservationId,
        preview: PreviewId,
        choice: Choice,
        lease: Duration,
    ) -> Result<Begin, StoreError>;

    /// Takes the lease on a number that comes from no preview, as the attempt `id`; none where the number is taken.
    async fn begin_random(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        lease: Duration,
    ) -> Result<Option<Lease>, StoreError>;

    /// Sigan holds the number: the attempt is `HELD` for `hold_for`, the number `RESERVED`, and its preview names it.
    async fn confirm(&self, lease: &Lease, hold_for: Duration) -> Result<Confirmed, StoreError>;

    /// Sigan gave no certain answer: the attempt is `IN_DOUBT`, due in `retry_in`, and the number `RESERVED` and tied to its
    /// preview, so that it will be released if abandoned.
    async fn doubt(&self, lease: &Lease, reason: &str, retry_in: Duration) -> Result<(), StoreError>;

    /// Sigan does not hold the number for us, for certain: the attempt is `REJECTED`. A number that an earlier call of the
    /// same attempt had left `RESERVED` is `RETURNED`; any other is untouched.
    async fn reject(&self, lease: &Lease, reason: &str) -> Result<(), StoreError>;

    /// Gives a number back. The hold's row is `RELEASING`, leased for `lease` to the caller, who tells Sigan at once.
    async fn release(&self, msisdn: Msisdn, lease: Duration) -> Result<Release, StoreError>;

    /// Sigan was told: the hold is `RELEASED`.
    async fn delivered(&self, id: ReservationId) -> Result<(), StoreError>;

    /// Sigan could not be told: the hold stays `RELEASING`, due again in `retry_in`.
    async fn undelivered(
        &self,
        id: ReservationId,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError>;

    /// Puts a reserved number on a line.
    async fn assign(&self, msisdn: Msisdn, sim: SimId) -> Result<Assign, StoreError>;

    /// What a number is now and every hold it has had, the latest first; none for a number never seen.
    async fn number(&self, msisdn: Msisdn) -> Result<Option<Number>, StoreError>;
}

/// A store on the configured database. Its tables are those of [`migrate`].
///
/// # Errors
///
/// [`StoreError`] where the URL is neither one of PostgreSQL nor one of SQLite.
pub async fn connect(config: &DatabaseConfig) -> Result<Arc<dyn Store>, StoreError> {
    Ok(if is_sqlite(config) {
        Arc::new(SqliteStore::open(&config.url, Arc::new(SystemClock)).await?)
    } else {
        Arc::new(PostgresStore::new(&config.url, config.pool)?)
    })
}

/// Brings the tables and the reference data of the configured database to this version.
///
/// # Errors
///
/// [`StoreError`] where the database cannot be reached, or a migration fails.
pub async fn migrate(config: &DatabaseConfig) -> Result<(), StoreError> {
    if is_sqlite(config) {
        SqliteStore::migrate(&config.url).await
    } else {
        PostgresStore::migrate(&config.url).await
    }
}

fn is_sqlite(config: &DatabaseConfig) -> bool {
    config.url.expose_secret().starts_with("sqlite:")
}

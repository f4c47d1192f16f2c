//! The values that operations give to a store, and the answers of a store.
//!
//! Values only: this module decides no rule and knows no database.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    AttemptState, BrandId, ExternalId, Hold, IdempotencyKey, MaskedMsisdn, Msisdn, NumberStatus, PreviewId,
    Reservation, ReservationId, SimStatus,
};

/// A preview to be stored, with the numbers that Sigan offered.
#[derive(Debug, Clone)]
pub struct NewPreview {
    /// Our id of it. The caller chooses it, so that a repeated step stores it once.
    pub id: PreviewId,
    /// Sigan's id of the pre-reservation.
    pub external_id: ExternalId,
    /// The brand that it is for.
    pub brand: BrandId,
    /// The numbers, in the order in which they are shown: index 1, 2, 3.
    pub msisdns: Vec<Msisdn>,
    /// How long a number may be reserved from it, from now on.
    pub valid_for: Duration,
    /// The preview that it replaces. Sigan has just freed the numbers of that one.
    pub previous: Option<PreviewId>,
    /// The idempotency key of the call, if it has one.
    pub key: Option<IdempotencyKey>,
}

/// The preview that a call created under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedPreview {
    /// The preview.
    pub id: PreviewId,
    /// Its numbers, in order.
    pub msisdns: Vec<Msisdn>,
    /// The preview that it replaced.
    pub previous: Option<PreviewId>,
    /// The end of the time in which a number can be reserved from it.
    pub expires_at: DateTime<Utc>,
    /// Whether it belongs to the tenant of the call.
    pub own: bool,
}

/// The preview that a new one is to replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousPreview {
    /// Sigan's id of the pre-reservation.
    pub external_id: ExternalId,
    /// Whether it holds a number, or a call is trying to hold one from it.
    pub in_use: bool,
}

/// The right to ask Sigan for one number, for a limited time: a row of `reservation` in state `PENDING`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The attempt to hold the number.
    pub reservation: ReservationId,
    /// Counts the calls to Sigan of this attempt, from 1. The outcome of an older call cannot overwrite that of a newer one.
    pub call: i32,
    /// The brand on whose behalf the number is to be held.
    pub brand: BrandId,
    /// The number and the pre-reservation that Sigan is asked to hold.
    pub hold: Hold,
}

impl Lease {
    /// Whether an earlier call of this attempt may have taken effect in Sigan.
    #[must_use]
    pub fn is_repeat(&self) -> bool {
        self.call > 1
    }
}

/// Whether a step takes the lease on an attempt or only reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Take the lease for this time.
    Take(Duration),
    /// Read, and write nothing.
    Look,
}

impl Intent {
    /// The time for which the lease is taken, or none if the step only reads.
    pub(crate) fn lease(self) -> Option<Duration> {
        match self {
            Self::Take(lease) => Some(lease),
            Self::Look => None,
        }
    }
}

/// The answer to a request to reserve a number of a preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// The number may be asked of Sigan. The caller has the lease.
    Started(Lease),
    /// The number may be asked of Sigan, but the caller only read: it has no lease.
    Free,
    /// This preview already holds this very number.
    Held(Reservation),
    /// Another call is asking Sigan for this very number, from this preview, or an earlier one is being cancelled there.
    InFlight,
    /// Another number of this preview is being asked of Sigan, or its outcome is in doubt.
    OtherInFlight,
    /// The preview holds another number, or its number was released.
    Used,
    /// There is no such preview.
    UnknownPreview,
    /// The preview has no number with this index.
    UnknownChoice,
    /// The preview has expired or was replaced.
    Expired,
    /// The number is reserved or in use, though Sigan offered it.
    Taken(Msisdn),
    /// An earlier attempt at the number, from another preview, is not settled yet.
    Unsettled(Msisdn),
}

/// The answer to a request for a random number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BeginRandom {
    /// The number may be asked of Sigan. The caller has the lease.
    Started(Lease),
    /// The number is reserved or in use, though Sigan offered it.
    Taken,
    /// An earlier attempt at the number is not settled yet.
    Unsettled,
    /// Another call came with the same idempotency key.
    KeyInUse,
}

/// The state of the random reservation that a call began under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keyed {
    /// Its outcome was in doubt; the caller has the lease to ask Sigan again.
    Resumed(Lease),
    /// Its outcome is in doubt, and the caller only read.
    InDoubt,
    /// It holds this number.
    Held(Reservation),
    /// A call to Sigan is under way, or Sigan is being told to cancel the attempt.
    InFlight,
    /// Its number was given back.
    Spent,
    /// It was for another area code or another brand.
    OtherRequest,
}

/// The result of recording a hold that Sigan confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// It is recorded: the number is ours.
    Held(Reservation),
    /// The number was released meanwhile.
    Released,
    /// The attempt was given up meanwhile, so the hold is to be released again.
    GivenUp(Delivery),
    /// The attempt has no row: a failover of the database lost it.
    Missing,
}

/// A delivery: a hold that Sigan has to be told to release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its row, in state `RELEASING` or `CANCELLING`.
    pub reservation: ReservationId,
    /// The hold that Sigan has to release.
    pub hold: Hold,
    /// Counts the claims of this delivery. An older claim cannot postpone a delivery that a newer one has claimed.
    pub attempts: i32,
}

/// The answer to a request to release a number.
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
    /// An order of a SIM for this number is under way.
    Ordered,
    /// It is given back now. Sigan has to be told, if Sigan's id of the hold is known.
    Returned(Option<Delivery>),
    /// It is given back now. Sigan cannot be told, because the row of the hold cannot be read; the row is set aside.
    SetAside(UnreadableRow),
}

/// The answer to a request to hold a number for longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extend {
    /// The number is not known.
    Unknown,
    /// It is held until the time in the reservation, now or already.
    Extended(Reservation),
    /// It is not reserved, or its time is over.
    Forbidden(NumberStatus),
    /// A call to Sigan about this number is under way.
    InFlight,
    /// It is not certain yet whether Sigan holds it.
    InDoubt,
    /// No hold of the number is recorded, so it never expires.
    Endless,
}

/// Another number that a SIM has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OtherNumber {
    /// The caller may see it.
    Shown(MaskedMsisdn),
    /// It belongs to another brand, or it is stored in a form that cannot be read.
    Hidden,
}

impl fmt::Display for OtherNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shown(number) => write!(f, "number {number}"),
            Self::Hidden => f.write_str("another number"),
        }
    }
}

/// The answer to a request to put a number on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assign {
    /// The number is not known.
    Unknown,
    /// It is on a line with this SIM, now or already.
    Assigned,
    /// It is on a line with another SIM.
    AssignedElsewhere,
    /// The SIM has a number already.
    SimHasNumber(OtherNumber),
    /// It is not certain yet whether Sigan holds it.
    InDoubt,
    /// An order of a SIM for it is under way.
    Ordered,
    /// It was given back, or another program gave it a status that this service does not know.
    Forbidden(NumberStatus),
    /// There is no such SIM.
    UnknownSim,
    /// The SIM is not active.
    SimNotActive(SimStatus),
}

/// The rows whose time was over, by what the sweep made of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overdue {
    /// Abandoned numbers that were given back. Sigan has to be told of them.
    pub expired: u64,
    /// Numbers that another program had put on a line. They stay.
    pub assigned: u64,
    /// Attempts whose lease ran out. They are in doubt now.
    pub lapsed: u64,
    /// Abandoned holds whose number has a status that this service does not know: they are set aside.
    pub set_aside: u64,
}

impl Overdue {
    /// The number of rows that changed.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.expired + self.assigned + self.lapsed + self.set_aside
    }
}

/// Counts of the reservations that are not over, and of those among them that are due.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Census {
    /// The count of each state that the sweep looks at. A state without reservations may be left out.
    pub states: Vec<(AttemptState, u64)>,
    /// The count of all that are due.
    pub due: u64,
    /// The time since the oldest one became due.
    pub oldest_due: Option<Duration>,
    /// The count of those that are set aside. Each waits for a person.
    pub set_aside: u64,
}

impl Census {
    /// The count of one state.
    #[must_use]
    pub fn of(&self, state: AttemptState) -> u64 {
        self.states.iter().filter(|(counted, _)| *counted == state).map(|(_, count)| count).sum()
    }

    /// Adds a state: its count, how many of them are due, and for how many seconds the oldest has been due.
    pub(crate) fn add(&mut self, state: AttemptState, stored: i64, due: i64, first_due_secs: f64) {
        self.states.push((state, stored.unsigned_abs()));
        self.due += due.unsigned_abs();
        if let (1.., Ok(age)) = (due, Duration::try_from_secs_f64(first_due_secs)) {
            self.oldest_due = self.oldest_due.max(Some(age));
        }
    }
}

/// The use of a pool of connections at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUsage {
    /// The purpose of the pool.
    pub name: &'static str,
    /// Connections that are open and free.
    pub idle: u32,
    /// Connections that a statement uses.
    pub in_use: u32,
    /// The greatest number of open connections.
    pub limit: u32,
}

/// A row that cannot be read. The service does not act on it, and it does not delay other rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableRow {
    /// Its table.
    pub table: &'static str,
    /// Its primary key, as it is stored. It may be a phone number, so it never reaches a log.
    pub key: String,
    /// The reason why it cannot be read.
    pub reason: String,
}

/// The rows that a sweep has claimed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// The rows to ask or tell Sigan about.
    pub due: Vec<Due>,
    /// Rows that could not be read. They are set aside from now on.
    pub set_aside: Vec<UnreadableRow>,
}

/// A row that the sweep has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// An attempt whose outcome is in doubt; the sweep has the lease to ask Sigan.
    Doubtful {
        /// The lease.
        lease: Lease,
        /// Whether its caller can name it, by a preview or a key. If so, the number is kept for the caller.
        nameable: bool,
    },
    /// A release or a cancellation that Sigan has to be told of.
    Delivery(Delivery),
}

/// Our record of a hold that Sigan lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHold {
    /// The state of the attempt with the number and the external id of the hold, or none if there is no such attempt.
    pub state: Option<AttemptState>,
    /// The status of the number here, or none if it never was ours.
    pub status: Option<NumberStatus>,
    /// Whether another attempt at the number is not over.
    pub contested: bool,
    /// Whether it changed in Sigan or here so recently that the two records may be of different moments.
    pub young: bool,
}

/// A number that is `RESERVED` or `IN_USE` here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldNumber {
    /// The number.
    pub msisdn: Msisdn,
    /// Its status.
    pub status: NumberStatus,
    /// The live attempt that has it. Older data has none.
    pub live: Option<LiveHold>,
    /// Whether it changed so recently that Sigan's list may be older.
    pub young: bool,
}

/// One page of the numbers that are held here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldPage {
    /// The numbers, in order.
    pub numbers: Vec<HeldNumber>,
    /// Rows that cannot be read.
    pub unreadable: Vec<UnreadableRow>,
    /// The last row of this page, after which the next page begins, or none if this is the last page.
    pub next: Option<String>,
}

/// A live attempt at a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveHold {
    /// The attempt.
    pub reservation: ReservationId,
    /// Sigan's id of the pre-reservation.
    pub external_id: ExternalId,
    /// Its state.
    pub state: AttemptState,
}

/// A range of numbers, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The text before the first number, or none from the very first on. It is text because a stored number may be unreadable.
    pub after: Option<String>,
    /// The last number, or none up to the very last.
    pub until: Option<Msisdn>,
}

#[cfg(test)]
mod tests;

//! What a store is given, and what it answers: the words between the operations and the database.
//!
//! Values only: no rule is decided here, and no database is known.

use std::fmt;
use std::time::Duration;

use super::{
    BrandId, ExternalId, Hold, IdempotencyKey, MaskedMsisdn, Msisdn, NumberStatus, PreviewId, ReservationId,
    ReservationState,
};

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
    /// What makes a repeated call the same call.
    pub key: Option<IdempotencyKey>,
}

/// The preview that a call created under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedPreview {
    /// The preview.
    pub id: PreviewId,
    /// Its numbers, in order.
    pub msisdns: Vec<Msisdn>,
    /// The preview whose place it took.
    pub previous: Option<PreviewId>,
    /// Whether it belongs to the tenant who asks.
    pub own: bool,
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
    /// The brand on whose behalf the number is to be held.
    pub brand: BrandId,
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

/// Whether a step takes the lease on an attempt, or only looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Takes the lease for this time.
    Take(Duration),
    /// Looks, and writes nothing.
    Look,
}

impl Intent {
    /// The time for which the lease is taken; none if the step only looks.
    pub(crate) fn lease(self) -> Option<Duration> {
        match self {
            Self::Take(lease) => Some(lease),
            Self::Look => None,
        }
    }
}

/// What a preview says of a wish to reserve one of its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// The number may be asked of Sigan: the caller has the lease.
    Started(Lease),
    /// The number could be asked of Sigan, if the caller had come to do so and not only to look.
    Free,
    /// This preview already holds this very number.
    Held(Msisdn),
    /// Another call is asking Sigan for this very number, from this preview, or an earlier one is being cancelled there.
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
    /// An earlier attempt at the number, from another preview, is not settled yet.
    Unsettled(Msisdn),
}

/// What became of a wish for a random number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BeginRandom {
    /// The number may be asked of Sigan: the caller has the lease.
    Started(Lease),
    /// The number is reserved or in use, though Sigan offered it.
    Taken,
    /// An earlier attempt at the number is not settled yet.
    Unsettled,
    /// Another call came with the same idempotency key.
    KeyInUse,
}

/// What became of the random reservation that a call began under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keyed {
    /// Its outcome was in doubt; the caller has the lease to ask Sigan again.
    Resumed(Lease),
    /// Its outcome is in doubt, and the caller came only to look.
    InDoubt,
    /// It holds this number.
    Held(Msisdn),
    /// A call is asking Sigan, or telling it that the attempt is given up.
    InFlight,
    /// Its number was given back.
    Spent,
    /// It was for another area code or another brand.
    OtherRequest,
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
    /// There is no row of the attempt: a failover of the database lost it.
    Missing,
}

/// A hold that Sigan is to be told to release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The row that says so, in state `RELEASING` or `CANCELLING`.
    pub reservation: ReservationId,
    /// What Sigan is to release.
    pub hold: Hold,
    /// How often it was claimed to be told. It fences: an older teller cannot postpone what a newer one has claimed.
    pub attempts: i32,
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
    /// Given back now. Sigan is to be told, if its id of the hold is known.
    Returned(Option<Delivery>),
    /// Given back now. Sigan cannot be told, because the row of its hold cannot be read: it is set aside.
    SetAside(UnreadableRow),
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

/// What became of a wish to put a number on a line.
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
    /// Whether Sigan holds it is not certain yet.
    InDoubt,
    /// It was given back, or another program gave it a status that this service does not know.
    Forbidden(NumberStatus),
    /// The database has no such SIM.
    UnknownSim,
}

/// What became of the rows whose time was over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overdue {
    /// Abandoned numbers that were given back; Sigan is to be told of them.
    pub expired: u64,
    /// Numbers that another program had put on a line, which stay.
    pub assigned: u64,
    /// Attempts whose caller is gone, now in doubt.
    pub lapsed: u64,
    /// Abandoned holds whose number has a status that this service does not know: they are set aside.
    pub set_aside: u64,
}

impl Overdue {
    /// How many rows changed.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.expired + self.assigned + self.lapsed + self.set_aside
    }
}

/// How many reservations are not over, and how many of them the sweep should have looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Census {
    /// How many are in each state that is not over and has a time at which the sweep looks at it; none of a state that is left
    /// out.
    pub states: Vec<(ReservationState, u64)>,
    /// How many of all are due.
    pub due: u64,
    /// For how long the one has been due that has been due the longest.
    pub oldest_due: Option<Duration>,
    /// How many are set aside: each waits for a person.
    pub set_aside: u64,
}

impl Census {
    /// How many are in a state.
    #[must_use]
    pub fn of(&self, state: ReservationState) -> u64 {
        self.states.iter().filter(|(counted, _)| *counted == state).map(|(_, count)| count).sum()
    }

    /// Adds those in a state: how many there are, how many are due, and by how many seconds the first of them is.
    pub(crate) fn add(&mut self, state: ReservationState, stored: i64, due: i64, first_due_secs: f64) {
        self.states.push((state, stored.unsigned_abs()));
        self.due += due.unsigned_abs();
        if let (1.., Ok(age)) = (due, Duration::try_from_secs_f64(first_due_secs)) {
            self.oldest_due = self.oldest_due.max(Some(age));
        }
    }
}

/// How the connections of a pool are used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUsage {
    /// What the pool is for.
    pub name: &'static str,
    /// Connections that are open and free.
    pub idle: u32,
    /// Connections that a statement has.
    pub in_use: u32,
    /// How many connections may be open.
    pub limit: u32,
}

/// A row that cannot be read, and so is neither acted on nor in the way of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableRow {
    /// Its table.
    pub table: &'static str,
    /// Its primary key, as it is stored. It may be a phone number, so it never reaches a log.
    pub key: String,
    /// Why it cannot be read.
    pub reason: String,
}

/// The rows that a sweep has claimed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// The rows to ask or tell Sigan about.
    pub due: Vec<Due>,
    /// Rows that turned out to be unreadable, and are set aside from now on.
    pub set_aside: Vec<UnreadableRow>,
}

/// A row that the sweep has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// An attempt whose outcome is in doubt; the sweep has the lease to ask Sigan.
    Doubtful {
        /// The lease.
        lease: Lease,
        /// Whether its caller can still name it, by a preview or a key: then the number is kept for them.
        nameable: bool,
    },
    /// A hold that Sigan is to be told of.
    Delivery(Delivery),
}

/// What is known here of a hold that Sigan lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHold {
    /// The state of the attempt that has the hold's number and external id; none where there is no such attempt.
    pub state: Option<ReservationState>,
    /// What the number is here; none where it never was ours.
    pub status: Option<NumberStatus>,
    /// Whether another attempt at the number is not over.
    pub contested: bool,
    /// Whether it changed there or here so lately that the two may be of different moments.
    pub young: bool,
}

/// A number that is `RESERVED` or `IN_USE` here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldNumber {
    /// The number.
    pub msisdn: Msisdn,
    /// What it is.
    pub status: NumberStatus,
    /// The live attempt that has it; older data has none.
    pub live: Option<LiveHold>,
    /// Whether it changed so lately that Sigan's list may be older.
    pub young: bool,
}

/// A part of the numbers that are held here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldPage {
    /// The numbers, in order.
    pub numbers: Vec<HeldNumber>,
    /// Rows that cannot be read.
    pub unreadable: Vec<UnreadableRow>,
    /// The last row that was looked at: the next page begins after it. None if this is the last page.
    pub next: Option<String>,
}

/// A live attempt at a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveHold {
    /// The attempt.
    pub reservation: ReservationId,
    /// Sigan's name for the pre-reservation.
    pub external_id: ExternalId,
    /// How far it has come.
    pub state: ReservationState,
}

/// A part of all numbers, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The number before the first, as it is stored, because a stored one may not be readable; none for the very first.
    pub after: Option<String>,
    /// The last number; none for the very last.
    pub until: Option<Msisdn>,
}

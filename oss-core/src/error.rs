//! What can go wrong, told to the one who can do something about it.
//!
//! One enum for the operations. [`Error::kind`] is what the edges turn into an HTTP status or an exit code; the text names
//! the input that was wrong and the next step. No text carries a full number.

use std::time::Duration;

use crate::access::ClientLimit;
use crate::domain::{BrandId, Ddd, DeviceBrandId, MaskedMsisdn, NumberStatus, OtherNumber, PreviewId, SimId};
use crate::sigan::{Busy, COME_BACK, Doubt, Refusal, SiganError};
use crate::store::StoreError;

/// When a call that met something passing is worth repeating.
const RETRY_SOON: Duration = Duration::from_secs(2);

/// Why an operation did not succeed.
///
/// After any of them the store is as it was before, or says what is to be recovered.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The area code has the right form, but no locality of Brazil has it.
    #[error("DDD {0} is not in use in Brazil; give the area code of an existing locality")]
    UnknownDdd(Ddd),
    /// The previous preview that was named does not exist.
    #[error(
        "previous preview {0} does not exist; leave it out, or give the id that an earlier preview was answered with"
    )]
    UnknownPrevious(PreviewId),
    /// The preview does not exist.
    #[error("preview {0} does not exist; create one first")]
    UnknownPreview(PreviewId),
    /// The preview has no number with that index.
    #[error("preview {0} has no number with this index; give one of those that it was answered with")]
    UnknownChoice(PreviewId),
    /// Neither held now nor ever held here.
    #[error("number {0} is not known here")]
    UnknownNumber(MaskedMsisdn),
    /// The SIM is not in the database's table of SIMs.
    #[error("SIM {0} does not exist; give the id of a SIM that was issued")]
    UnknownSim(SimId),
    /// The brand of devices does not exist.
    #[error("brand {0} does not exist; give the id that one of the listed brands has")]
    UnknownBrand(DeviceBrandId),
    /// No brand of devices is called so.
    #[error("no brand has this name; give the name, the slug or the id of one of the listed brands")]
    UnknownBrandName,
    /// The 15 minutes are over, or another preview replaced it.
    #[error("preview {0} has expired or was replaced; create another")]
    PreviewExpired(PreviewId),
    /// Another call is working on the same preview or number.
    #[error("another call for the same number is in flight; try again in {} s", whole_seconds(RETRY_SOON))]
    ReserveInFlight,
    /// Another call came with the same idempotency key and has not ended.
    #[error(
        "another call with the same idempotency key is in flight; try again in {} s",
        whole_seconds(RETRY_SOON)
    )]
    KeyInFlight,
    /// The idempotency key came with another request before.
    #[error("this idempotency key came with another request before; use a new key for a new request")]
    KeyReused,
    /// The number that was reserved under the idempotency key was given back.
    #[error(
        "the number reserved under this idempotency key was given back; use a new key to reserve another"
    )]
    KeySpent,
    /// The preview holds another of its numbers, or its number was released.
    #[error("preview {0} has already given its number; create another")]
    PreviewUsed(PreviewId),
    /// The number's state forbids what was asked.
    #[error("number {number} is {status}, which forbids this")]
    NumberState {
        /// The number.
        number: MaskedMsisdn,
        /// What it is.
        status: NumberStatus,
    },
    /// Whether Sigan holds the number for us is not settled yet.
    #[error("whether Sigan holds number {0} is not settled yet; repeat the reserve, or try again later")]
    NumberInDoubt(MaskedMsisdn),
    /// The number is on another SIM.
    #[error("number {0} is already on another SIM")]
    AssignedElsewhere(MaskedMsisdn),
    /// The SIM has another number.
    #[error("SIM {sim} already has {other}; a SIM has one number, so check the SIM")]
    SimHasNumber {
        /// The SIM.
        sim: SimId,
        /// Its number.
        other: OtherNumber,
    },
    /// Sigan has no numbers to offer there.
    #[error("Sigan has no numbers left in DDD {0}; try another area code")]
    NoNumbersLeft(Ddd),
    /// Recovery gave the reservation up before Sigan answered. Nothing is held.
    #[error("the reservation was given up before Sigan answered; nothing is held, start again")]
    GivenUp,
    /// Sigan offered a number that is held or in use here: the inventories disagree.
    #[error("Sigan offered number {0}, which is held or in use here; the inventories disagree")]
    NumberTaken(MaskedMsisdn),
    /// Sigan offered a number of which an earlier attempt is not settled yet: it is neither held for certain nor free.
    #[error("an earlier attempt at number {0} is not settled yet; try again for another number, or later")]
    NumberUnsettled(MaskedMsisdn),
    /// Sigan said no, for certain. Nothing is held.
    #[error("Sigan refused: {0}")]
    SiganRefused(Refusal),
    /// Sigan answered a question without effect in a way that cannot be used.
    #[error("Sigan's answer cannot be used ({0}); this call reserved nothing")]
    SiganNonsense(Doubt),
    /// No connection to Sigan could be opened, or there was no time left to send. Nothing was sent.
    #[error("Sigan cannot be reached; nothing was done, try again in {} s", whole_seconds(RETRY_SOON))]
    SiganUnreachable,
    /// There are too many calls to Sigan under way, or it does not answer and is left alone. Nothing was sent.
    #[error("Sigan is busy or does not answer; nothing was done, try again in {} s", whole_seconds(*retry_after))]
    SiganBusy {
        /// When.
        retry_after: Duration,
    },
    /// Sigan refuses what is asked for the brand, again and again, and is asked for it only now and then. Nothing was sent.
    #[error(
        "Sigan refuses what is asked for brand {brand}; nothing was done, check the brand and the credentials for Sigan"
    )]
    SiganRefusesBrand {
        /// The brand.
        brand: BrandId,
    },
    /// The client has its share of something that others need too. Nothing was done.
    #[error(
        "this client has its share of the {limit}; nothing was done, try again in {} s",
        whole_seconds(COME_BACK)
    )]
    ClientShareExceeded {
        /// Of what.
        limit: ClientLimit,
    },
    /// The client has drawn as many numbers of the area code as it may. Nothing was done.
    #[error(
        "this client has drawn as many numbers of DDD {ddd} as it may; nothing was done, try again in {} s",
        whole_seconds(*retry_after)
    )]
    DrawBudgetExceeded {
        /// The area code.
        ddd: Ddd,
        /// When there is as much of the budget as the call needs.
        retry_after: Duration,
    },
    /// Sigan did not answer a question whose effect, if it had one, holds nothing for long: a pre-reservation lapses.
    #[error("no answer from Sigan ({0}); this call reserved nothing, so simply try again")]
    SiganNoAnswer(Doubt),
    /// Sigan may or may not have done what it was asked. It is recorded and will be settled.
    #[error("no certain answer from Sigan ({0}); repeat the same request to learn the outcome")]
    OutcomeUnknown(Doubt),
    /// Sigan may or may not have reserved a random number, and the caller has no name for it. The sweep gives it back.
    #[error(
        "no certain answer from Sigan ({0}); if it reserved a number, that is given back automatically, so simply try \
         again; with an idempotency key a repeat learns the outcome instead"
    )]
    OutcomeUnnamed(Doubt),
    /// The operation failed in a way that is a fault of this program.
    #[error("an internal fault stopped the operation; what it began will be settled")]
    Internal,
    /// The database did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The classes of [`Error`] that a caller acts on differently. Closed: each edge maps all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// What the call is about does not exist.
    Unknown,
    /// Something the call refers to does not exist.
    UnknownReference,
    /// It existed, and its time is over.
    Expired,
    /// The state of things forbids it now.
    Conflict,
    /// An idempotency key came with another request before.
    KeyReused,
    /// Our records and Sigan's disagree, or a fault in this program.
    Internal,
    /// Sigan refused, or answered what cannot be used.
    SiganRefused,
    /// Sigan could not be asked. Nothing was done.
    SiganUnavailable,
    /// The client takes more than its share. Nothing was done.
    TooMany,
    /// The outcome is not known yet. The same call may be repeated.
    OutcomeUnknown,
    /// The database is down or too busy.
    DatabaseUnavailable,
}

/// Gives every error its code, and lists the codes, so that a document can be laid beside them.
macro_rules! codes {
    ($($error:pat => $code:literal,)+) => {
        /// Every code that [`Error::code`] gives.
        pub const CODES: &[&'static str] = &[$($code),+];

        /// A short, stable name of the error, for programs: `preview-expired`.
        #[must_use]
        pub fn code(&self) -> &'static str {
            match self {
                $($error => $code,)+
            }
        }
    };
}

impl Error {
    /// The class of the error, for a status or an exit code.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownPreview(_)
            | Self::UnknownChoice(_)
            | Self::UnknownNumber(_)
            | Self::UnknownBrand(_)
            | Self::UnknownBrandName => ErrorKind::Unknown,
            Self::UnknownDdd(_) | Self::UnknownPrevious(_) | Self::UnknownSim(_) => {
                ErrorKind::UnknownReference
            }
            Self::PreviewExpired(_) => ErrorKind::Expired,
            Self::ReserveInFlight
            | Self::KeyInFlight
            | Self::KeySpent
            | Self::PreviewUsed(_)
            | Self::NumberState { .. }
            | Self::NumberInDoubt(_)
            | Self::AssignedElsewhere(_)
            | Self::SimHasNumber { .. }
            | Self::NoNumbersLeft(_)
            | Self::GivenUp => ErrorKind::Conflict,
            Self::KeyReused => ErrorKind::KeyReused,
            Self::NumberTaken(_)
            | Self::NumberUnsettled(_)
            | Self::Internal
            | Self::Store(StoreError::Failed { .. }) => ErrorKind::Internal,
            Self::SiganRefused(_) | Self::SiganNonsense(_) => ErrorKind::SiganRefused,
            Self::SiganUnreachable | Self::SiganBusy { .. } | Self::SiganRefusesBrand { .. } => {
                ErrorKind::SiganUnavailable
            }
            Self::ClientShareExceeded { .. } | Self::DrawBudgetExceeded { .. } => ErrorKind::TooMany,
            Self::SiganNoAnswer(_) | Self::OutcomeUnknown(_) | Self::OutcomeUnnamed(_) => {
                ErrorKind::OutcomeUnknown
            }
            Self::Store(StoreError::Unavailable { .. }) => ErrorKind::DatabaseUnavailable,
        }
    }

    codes! {
        Self::UnknownDdd(_) => "unknown-ddd",
        Self::UnknownPrevious(_) => "unknown-previous-preview",
        Self::UnknownPreview(_) => "unknown-preview",
        Self::UnknownChoice(_) => "unknown-index",
        Self::UnknownNumber(_) => "unknown-number",
        Self::UnknownSim(_) => "unknown-sim",
        Self::UnknownBrand(_) | Self::UnknownBrandName => "unknown-brand",
        Self::PreviewExpired(_) => "preview-expired",
        Self::ReserveInFlight => "reserve-in-flight",
        Self::KeyInFlight => "idempotency-key-in-flight",
        Self::KeyReused => "idempotency-key-reused",
        Self::KeySpent => "idempotency-key-spent",
        Self::PreviewUsed(_) => "preview-used",
        Self::NumberState { .. } => "number-state",
        Self::NumberInDoubt(_) => "number-in-doubt",
        Self::AssignedElsewhere(_) => "assigned-elsewhere",
        Self::SimHasNumber { .. } => "sim-has-number",
        Self::NoNumbersLeft(_) => "no-numbers-left",
        Self::GivenUp => "reservation-given-up",
        Self::NumberTaken(_) => "number-taken",
        Self::NumberUnsettled(_) => "number-unsettled",
        Self::SiganRefused(_) => "sigan-refused",
        Self::SiganNonsense(_) => "sigan-answer-unusable",
        Self::SiganUnreachable => "sigan-unreachable",
        Self::SiganBusy { .. } => "sigan-busy",
        Self::SiganRefusesBrand { .. } => "sigan-refuses-brand",
        Self::ClientShareExceeded { .. } => "client-share-exceeded",
        Self::DrawBudgetExceeded { .. } => "client-budget-exceeded",
        Self::SiganNoAnswer(_) | Self::OutcomeUnknown(_) | Self::OutcomeUnnamed(_) => "outcome-unknown",
        Self::Internal => "internal",
        Self::Store(StoreError::Unavailable { .. }) => "database-unavailable",
        Self::Store(StoreError::Failed { .. }) => "database-failed",
    }

    /// The input that refers to something unknown, by its name in the API; none where no single input is at fault.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::UnknownDdd(_) | Self::NoNumbersLeft(_) | Self::DrawBudgetExceeded { .. } => {
                Some("areaCode")
            }
            Self::UnknownPrevious(_) => Some("previousId"),
            Self::UnknownPreview(_) | Self::PreviewExpired(_) | Self::PreviewUsed(_) => Some("previewId"),
            Self::UnknownBrand(_) | Self::UnknownBrandName => Some("brandId"),
            Self::UnknownSim(_) | Self::SimHasNumber { .. } => Some("simId"),
            Self::UnknownChoice(_) => Some("index"),
            Self::KeyInFlight | Self::KeyReused | Self::KeySpent => Some("Idempotency-Key"),
            Self::UnknownNumber(_)
            | Self::NumberState { .. }
            | Self::NumberInDoubt(_)
            | Self::AssignedElsewhere(_) => Some("msisdn"),
            _ => None,
        }
    }

    /// How long to wait before the same call is worth repeating; none where repeating it does not help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::SiganBusy { retry_after } | Self::DrawBudgetExceeded { retry_after, .. } => {
                Some(*retry_after)
            }
            Self::SiganRefusesBrand { .. } | Self::ClientShareExceeded { .. } => Some(COME_BACK),
            Self::ReserveInFlight
            | Self::KeyInFlight
            | Self::SiganUnreachable
            | Self::NumberInDoubt(_)
            | Self::NumberUnsettled(_)
            | Self::SiganNoAnswer(_)
            | Self::OutcomeUnknown(_)
            | Self::OutcomeUnnamed(_)
            | Self::Store(StoreError::Unavailable { .. }) => Some(RETRY_SOON),
            _ => None,
        }
    }
}

/// There is no turn to be had with Sigan.
impl From<Busy> for Error {
    fn from(busy: Busy) -> Self {
        match busy {
            Busy::Sigan => Self::SiganBusy { retry_after: COME_BACK },
            Busy::Refused(brand) => Self::SiganRefusesBrand { brand },
            Busy::Share(limit) => Self::ClientShareExceeded { limit },
        }
    }
}

/// A wait in whole seconds, as `Retry-After` has them: never less than the wait, and never none at all.
#[must_use]
pub fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// Why a question to Sigan, whose effect nobody needs to know of, has no answer.
impl From<SiganError> for Error {
    fn from(error: SiganError) -> Self {
        match error {
            SiganError::Refused(refusal) => Self::SiganRefused(refusal),
            SiganError::NotSent => Self::SiganUnreachable,
            SiganError::NoAnswer(Doubt::Credentials) => Self::SiganRefused(Refusal::Credentials),
            SiganError::NoAnswer(doubt @ (Doubt::Status(_) | Doubt::Unreadable)) => {
                Self::SiganNonsense(doubt)
            }
            SiganError::NoAnswer(doubt) => Self::SiganNoAnswer(doubt),
        }
    }
}

//! The errors of the operations, written for the person who can act on them.
//!
//! One enum for the operations, and one table that describes each error: its code, its kind, the input at fault, when to repeat
//! the call, and its text. HTTP, its document, the command line and their tests read it. The edges turn [`Error::kind`]
//! into an HTTP status or an exit code. The text names the input that was wrong and the next step. No text carries a full number.

use std::time::Duration;

use crate::access::ClientLimit;
use crate::domain::{BrandId, Ddd, DeviceBrandId, MaskedMsisdn, NumberStatus, OtherNumber, PreviewId, SimId};
use crate::sigan::{Busy, Doubt, RETRY_WHEN_BUSY, Refusal, SiganError};
use crate::store::StoreError;

/// The time after which a call that met a passing condition is worth repeating.
const RETRY_SOON: Duration = Duration::from_secs(2);

/// A type of error: everything about it that does not depend on the call. All errors of a type have its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorType {
    /// A short, stable name, for programs: `preview-expired`.
    pub code: &'static str,
    /// The class, for a status or an exit code.
    pub kind: ErrorKind,
    /// The input at fault, by its name in the API; none if no single input is.
    pub field: Option<&'static str>,
    /// How long to wait before the same call is worth repeating, unless the error says otherwise; none if repeating it does not
    /// help.
    pub retry: Option<Duration>,
    /// The error in a sentence, without the names and numbers of a call.
    pub summary: &'static str,
}

/// Declares the errors by their types: the summary, the code, the kind, the field and the time after which to repeat the call, then
/// the errors of this type with their texts.
macro_rules! errors {
    ($(
        #[doc = $summary:literal]
        $code:literal: $kind:ident $(, field $field:literal)? $(, retry $retry:expr)? => {
            $($(#[$meta:meta])* $variant:ident $(($($tuple:tt)*))? $({ $($named:tt)* })?,)+
        }
    )+) => {
        /// The reason why an operation did not succeed.
        ///
        /// After any error the store is as it was before, or it records what is to be recovered.
        #[derive(Debug, Clone, thiserror::Error)]
        #[non_exhaustive]
        pub enum Error {
            $($(
                #[doc = $summary]
                $(#[$meta])*
                $variant $(($($tuple)*))? $({ $($named)* })?,
            )+)+
            /// The database did not do what it was asked.
            #[error(transparent)]
            Store(#[from] StoreError),
        }

        impl Error {
            /// Every type that [`Error::error_type`] gives.
            pub const TYPES: &[ErrorType] = &[
                $(errors!(@type $summary, $code, $kind, [$($field)?], [$($retry)?]),)+
                DATABASE_UNAVAILABLE,
                DATABASE_FAILED,
            ];

            /// The type of the error.
            #[must_use]
            pub fn error_type(&self) -> &'static ErrorType {
                match self {
                    $($(Self::$variant { .. })|+ => const {
                        &errors!(@type $summary, $code, $kind, [$($field)?], [$($retry)?])
                    },)+
                    Self::Store(StoreError::Unavailable { .. }) => &DATABASE_UNAVAILABLE,
                    Self::Store(StoreError::Failed { .. }) => &DATABASE_FAILED,
                }
            }
        }
    };
    (@type $summary:literal, $code:literal, $kind:ident, [$($field:literal)?], [$($retry:expr)?]) => {
        ErrorType {
            code: $code,
            kind: ErrorKind::$kind,
            field: errors!(@option $($field)?),
            retry: errors!(@option $($retry)?),
            summary: $summary.trim_ascii_start(),
        }
    };
    (@option) => { None };
    (@option $value:expr) => { Some($value) };
}

const DATABASE_UNAVAILABLE: ErrorType = ErrorType {
    code: "database-unavailable",
    kind: ErrorKind::DatabaseUnavailable,
    field: None,
    retry: Some(RETRY_SOON),
    summary: "The database is down or too busy",
};

const DATABASE_FAILED: ErrorType = ErrorType {
    code: "database-failed",
    kind: ErrorKind::Internal,
    field: None,
    retry: None,
    summary: "The database did not do what it was asked",
};

errors! {
    /// No locality of Brazil has this area code
    "unknown-ddd": UnknownReference, field "areaCode" => {
        #[error("DDD {0} is not in use in Brazil; give the area code of an existing locality")]
        UnknownDdd(Ddd),
    }
    /// The preview to be replaced does not exist
    "unknown-previous-preview": UnknownReference, field "previousId" => {
        #[error(
            "previous preview {0} does not exist; leave it out, or give the id of an earlier preview"
        )]
        UnknownPrevious(PreviewId),
    }
    /// The preview does not exist
    "unknown-preview": Unknown, field "previewId" => {
        #[error("preview {0} does not exist; create one first")]
        UnknownPreview(PreviewId),
    }
    /// The preview has no number with this index
    "unknown-index": Unknown, field "index" => {
        #[error("preview {0} has no number with this index; give an index of this preview")]
        UnknownChoice(PreviewId),
    }
    /// The number was never held here
    "unknown-number": Unknown, field "msisdn" => {
        #[error("number {0} is not known here")]
        UnknownNumber(MaskedMsisdn),
    }
    /// The SIM does not exist
    "unknown-sim": UnknownReference, field "simId" => {
        #[error("SIM {0} does not exist; give the id of a SIM that was issued")]
        UnknownSim(SimId),
    }
    /// The brand does not exist
    "unknown-brand": Unknown, field "brandId" => {
        #[error("brand {0} does not exist; give the id of a listed brand")]
        UnknownBrand(DeviceBrandId),
        ///
        /// The caller gave a name and not an id.
        #[error("no brand has this name; give the name, the slug or the id of a listed brand")]
        UnknownBrandName,
    }
    /// The preview has expired, or another one replaced it
    "preview-expired": Expired, field "previewId" => {
        #[error("preview {0} has expired or was replaced; create another")]
        PreviewExpired(PreviewId),
    }
    /// Another call for the same number is under way
    "reserve-in-flight": Conflict, retry RETRY_SOON => {
        #[error("another call for the same number is in flight; try again in {} s", whole_seconds(RETRY_SOON))]
        ReserveInFlight,
    }
    /// An order of a SIM for the number is under way
    "order-in-flight": Conflict, field "msisdn", retry RETRY_SOON => {
        #[error("an order of a SIM for number {0} is under way; try again in a moment")]
        OrderInFlight(MaskedMsisdn),
    }
    /// Another call with the same idempotency key is under way
    "idempotency-key-in-flight": Conflict, field "Idempotency-Key", retry RETRY_SOON => {
        #[error(
            "another call with the same idempotency key is in flight; try again in {} s",
            whole_seconds(RETRY_SOON)
        )]
        KeyInFlight,
    }
    /// The idempotency key came with another request before
    "idempotency-key-reused": KeyReused, field "Idempotency-Key" => {
        #[error("this idempotency key came with another request before; use a new key for a new request")]
        KeyReused,
    }
    /// The number reserved under this idempotency key was given back
    "idempotency-key-spent": Conflict, field "Idempotency-Key" => {
        #[error(
            "the number reserved under this idempotency key was given back; use a new key to reserve another"
        )]
        KeySpent,
    }
    /// The preview has given its number; create another
    "preview-used": Conflict, field "previewId" => {
        #[error("preview {0} has already given its number; create another")]
        PreviewUsed(PreviewId),
    }
    /// The number is not RESERVED
    "number-state": Conflict, field "msisdn" => {
        #[error("number {number} is {status}; only a RESERVED number can be released or put on a line")]
        NumberState {
            /// The number.
            number: MaskedMsisdn,
            /// The status of the number.
            status: NumberStatus,
        },
    }
    /// Whether Sigan holds the number is not settled yet
    "number-in-doubt": Conflict, field "msisdn", retry RETRY_SOON => {
        #[error("whether Sigan holds number {0} is not settled yet; repeat the reserve, or try again later")]
        NumberInDoubt(MaskedMsisdn),
    }
    /// The number is already on another SIM
    "assigned-elsewhere": Conflict, field "msisdn" => {
        #[error("number {0} is already on another SIM")]
        AssignedElsewhere(MaskedMsisdn),
    }
    /// The SIM already has another number; a SIM has one number
    "sim-has-number": Conflict, field "simId" => {
        #[error("SIM {sim} already has {other}; a SIM has one number, so check the SIM")]
        SimHasNumber {
            /// The SIM.
            sim: SimId,
            /// Its number.
            other: OtherNumber,
        },
    }
    /// Sigan has no numbers left in the area code
    "no-numbers-left": Conflict, field "areaCode" => {
        #[error("Sigan has no numbers left in DDD {0}; try another area code")]
        NoNumbersLeft(Ddd),
    }
    /// The reservation was given up before Sigan answered; nothing is held, start again
    "reservation-given-up": Conflict => {
        #[error("the reservation was given up before Sigan answered; nothing is held, start again")]
        GivenUp,
    }
    /// Sigan offered a number that is held or in use here: the inventories disagree
    "number-taken": Internal => {
        #[error("Sigan offered number {0}, which is held or in use here; the inventories disagree")]
        NumberTaken(MaskedMsisdn),
    }
    /// An earlier attempt at the number that Sigan offered is not settled yet; try again for another number, or later
    "number-unsettled": Internal, retry RETRY_SOON => {
        #[error("an earlier attempt at number {0} is not settled yet; try again for another number, or later")]
        NumberUnsettled(MaskedMsisdn),
    }
    /// Sigan refused, for certain; nothing is held
    "sigan-refused": SiganRefused => {
        #[error("Sigan refused: {0}")]
        SiganRefused(Refusal),
    }
    /// Sigan's answer cannot be used; nothing is held
    "sigan-answer-unusable": SiganRefused => {
        #[error("Sigan's answer cannot be used ({0}); this call reserved nothing")]
        SiganNonsense(Doubt),
    }
    /// Sigan cannot be reached; nothing was done
    "sigan-unreachable": SiganUnavailable, retry RETRY_SOON => {
        #[error("Sigan cannot be reached; nothing was done, try again in {} s", whole_seconds(RETRY_SOON))]
        SiganUnreachable,
    }
    /// Sigan has too much to do, or does not answer; nothing was done
    "sigan-busy": SiganUnavailable, retry RETRY_WHEN_BUSY => {
        #[error("Sigan is busy or does not answer; nothing was done, try again in {} s", whole_seconds(*retry_after))]
        SiganBusy {
            /// The wait until the call is worth repeating.
            retry_after: Duration,
        },
    }
    /// Sigan refuses calls for the client's brand; nothing was done
    "sigan-refuses-brand": SiganUnavailable, retry RETRY_WHEN_BUSY => {
        #[error(
            "Sigan refuses calls for brand {brand}; nothing was done, check the brand and the credentials for Sigan"
        )]
        SiganRefusesBrand {
            /// The brand.
            brand: BrandId,
        },
    }
    /// The client has used up its share; nothing was done
    "client-share-exceeded": TooMany, retry RETRY_WHEN_BUSY => {
        #[error(
            "this client has used up its share of the {limit}; nothing was done, try again in {} s",
            whole_seconds(RETRY_WHEN_BUSY)
        )]
        ClientShareExceeded {
            /// The limit that was reached.
            limit: ClientLimit,
        },
    }
    /// The client has drawn as many numbers of the area code as it may; nothing was done
    "client-budget-exceeded": TooMany, field "areaCode", retry RETRY_WHEN_BUSY => {
        #[error(
            "this client has drawn as many numbers of DDD {ddd} as it may; nothing was done, try again in {} s",
            whole_seconds(*retry_after)
        )]
        DrawBudgetExceeded {
            /// The area code.
            ddd: Ddd,
            /// The wait until the budget has as much as the call needs.
            retry_after: Duration,
        },
    }
    /// Sigan gave no certain answer; the error's text says what to do: repeat the same request, or simply call again
    "outcome-unknown": OutcomeUnknown, retry RETRY_SOON => {
        ///
        /// If the question had an effect, it holds nothing for long, because a pre-reservation lapses.
        #[error("no answer from Sigan ({0}); this call reserved nothing, so simply try again")]
        SiganNoAnswer(Doubt),
        ///
        /// Sigan may have done what it was asked. It is recorded and will be settled.
        #[error("no certain answer from Sigan ({0}); repeat the same request to learn the outcome")]
        OutcomeUnknown(Doubt),
        ///
        /// Sigan may have reserved a random number, and the caller has no name for it. The sweep gives it back.
        #[error(
            "no certain answer from Sigan ({0}); if it reserved a number, that is given back automatically, so simply try \
             again; with an idempotency key a repeat learns the outcome instead"
        )]
        OutcomeUnnamed(Doubt),
    }
    /// A fault of this program; what was begun will be settled
    "internal": Internal => {
        #[error("an internal fault stopped the operation; what it began will be settled")]
        Internal,
    }
}

/// The classes of [`Error`] that a caller acts on differently. Closed: each edge maps all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The subject of the call does not exist.
    Unknown,
    /// Something the call refers to does not exist.
    UnknownReference,
    /// It existed, and its time is over.
    Expired,
    /// The current state forbids the call.
    Conflict,
    /// An idempotency key came with another request before.
    KeyReused,
    /// Our records and Sigan's disagree, or a fault in this program.
    Internal,
    /// Sigan refused, or its answer cannot be used.
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

impl Error {
    /// The class of the error, for a status or an exit code.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.error_type().kind
    }

    /// A short, stable name of the error, for programs: `preview-expired`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.error_type().code
    }

    /// The input at fault, by its name in the API; none if no single input is.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        self.error_type().field
    }

    /// How long to wait before the same call is worth repeating; none if repeating it does not help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::SiganBusy { retry_after } | Self::DrawBudgetExceeded { retry_after, .. } => {
                Some(*retry_after)
            }
            _ => self.error_type().retry,
        }
    }
}

/// The error if there is no turn at Sigan.
impl From<Busy> for Error {
    fn from(busy: Busy) -> Self {
        match busy {
            Busy::NoTurn => Self::SiganBusy { retry_after: RETRY_WHEN_BUSY },
            Busy::Refused(brand) => Self::SiganRefusesBrand { brand },
            Busy::Share(limit) => Self::ClientShareExceeded { limit },
        }
    }
}

/// A wait in whole seconds, for `Retry-After`. It is at least as long as the wait, and at least one second.
#[must_use]
pub fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// The error of a call to Sigan whose effect nobody needs to know.
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_type_of_error_has_a_code_of_its_own_and_a_summary() {
        let codes: BTreeSet<&str> = Error::TYPES.iter().map(|error| error.code).collect();
        assert_eq!(codes.len(), Error::TYPES.len());
        for ErrorType { code, summary, .. } in Error::TYPES {
            let is_sentence =
                summary.starts_with(|first: char| first.is_uppercase()) && !summary.ends_with('.');
            assert!(is_sentence, "{code}: {summary:?}");
        }
    }
}

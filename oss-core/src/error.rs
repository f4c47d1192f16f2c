//! The errors of the operations, written for the person who can act on them.
//!
//! One enum for the operations, and one table that describes each error: its code, its kind, the input at fault, when to repeat
//! the call, and its text. HTTP, its document, the command line and their tests read it. The edges turn [`Error::kind`]
//! into an HTTP status or an exit code. The text names the input that was wrong and the next step. No text carries a full number.

mod kind;
mod ports;
mod table;
#[cfg(test)]
mod tests;
mod wait;

use std::time::Duration;

pub use self::kind::ErrorKind;
use self::table::errors;
use self::wait::lasting;
pub use self::wait::whole_seconds;
use crate::access::ClientLimit;
use crate::domain::{
    AddressHash, BrandId, Ddd, DeviceBrandId, DeviceHash, EventCursor, LineId, MaskedMsisdn, NumberStatus,
    OtherNumber, PreviewId, ProfileState, SimId, SimStatus, SimType,
};
use crate::sigan::{Doubt, RETRY_WHEN_BUSY, Refusal};
use crate::store::StoreError;

/// The time after which a call that met a passing condition is worth repeating.
pub(crate) const RETRY_SOON: Duration = Duration::from_secs(2);

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

impl ErrorType {
    /// The beginning of the `type` of every problem of a server (RFC 9457). The code follows.
    pub const URN: &'static str = "urn:oss:problem:";
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
    /// The number is not known
    "unknown-number-reference": UnknownReference, field "msisdn" => {
        #[error("number {0} is not known here; reserve it first")]
        UnknownNumberInBody(MaskedMsisdn),
    }
    /// No device was checked under this hash
    "unknown-device": UnknownReference, field "deviceModelHash" => {
        #[error("no device has the hash {0}; check the device first, and give the hash of that answer")]
        UnknownDevice(DeviceHash),
    }
    /// The line does not exist
    "unknown-line": UnknownReference, field "lineId" => {
        #[error("line {0} does not exist; create it first")]
        UnknownLine(LineId),
    }
    /// The delivery address does not exist
    "unknown-address": UnknownReference, field "deliveryAddressHash" => {
        #[error("no address has the hash {0}; record it first")]
        UnknownAddress(AddressHash),
    }
    /// The brand is not in the table of carriers of this database
    "unknown-carrier": Internal => {
        #[error("the database has no carrier {0}; add it to the table of carriers")]
        UnknownCarrier(BrandId),
    }
    /// GSIM knows no card with this ICCID
    "unknown-card": UnknownReference, field "iccid" => {
        #[error("GSIM knows no card with this ICCID; check the number on the card")]
        UnknownCard,
    }
    /// The SIM does not exist
    "unknown-sim-id": Unknown, field "simId" => {
        #[error("SIM {0} does not exist")]
        UnknownSimInPath(SimId),
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
    /// The place among the events is one of another database, or of this one before an older backup was restored
    "foreign-cursor": Conflict, field "after" => {
        #[error(
            "the place {0} is after every event of this database, so it comes from another one, or from before an older backup \
             was restored; read again from a time (`since`), or from the beginning"
        )]
        ForeignCursor(EventCursor),
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
    /// Another call or the sweep is at work on the number
    "settlement-in-flight": Conflict, field "msisdn", retry RETRY_SOON => {
        #[error("number {number} is being settled already; try again in {} s", whole_seconds(*retry_after))]
        SettlementInFlight {
            /// The number.
            number: MaskedMsisdn,
            /// The wait until the work on it is over, or is due again.
            retry_after: Duration,
        },
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
    /// The number or SIM that this idempotency key gave is not held any more
    "idempotency-key-spent": Conflict, field "Idempotency-Key" => {
        #[error(
            "the number reserved under this idempotency key was given back; use a new key to reserve another"
        )]
        KeySpent,
        #[error("the SIM ordered under this idempotency key is not used any more; use a new key to order another")]
        SimKeySpent,
    }
    /// The preview has given its number; create another
    "preview-used": Conflict, field "previewId" => {
        #[error("preview {0} has already given its number; create another")]
        PreviewUsed(PreviewId),
    }
    /// The number is not RESERVED
    "number-state": Conflict, field "msisdn" => {
        #[error("number {number} is {status}; only a RESERVED number can be released, extended or put on a line")]
        NumberState {
            /// The number.
            number: MaskedMsisdn,
            /// The status of the number.
            status: NumberStatus,
        },
    }
    /// The hold of the number has no end, so it is not extended
    "hold-without-end": Conflict, field "msisdn" => {
        #[error("number {0} is held without an end; it does not expire, so it is not extended")]
        HoldWithoutEnd(MaskedMsisdn),
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
    /// The number is not on a line
    "not-on-line": Conflict, field "msisdn" => {
        #[error("number {number} is {status}; only a number that is IN_USE has a line")]
        NotOnLine {
            /// The number.
            number: MaskedMsisdn,
            /// The status of the number.
            status: NumberStatus,
        },
    }
    /// GSIM has no profiles left
    "no-profiles-left": Conflict => {
        #[error("GSIM has no profiles left; the number is still reserved, so try again later or use a card")]
        NoProfilesLeft,
    }
    /// The card is in use
    "card-in-use": Conflict, field "iccid" => {
        #[error("the card is in use for another number; check the number on the card")]
        CardInUse,
    }
    /// The number has a SIM in GSIM that is not known here
    "number-has-sim": Conflict, field "msisdn" => {
        #[error("GSIM has another SIM for number {0}; run `oss audit`")]
        NumberHasSim(MaskedMsisdn),
    }
    /// The order was given up before GSIM answered; order again
    "order-given-up": Conflict => {
        #[error("the order was given up before GSIM answered; the number is as it was, so order again")]
        OrderGivenUp,
    }
    /// The SIM has no activation code: it is a card
    "no-activation-code": Conflict, field "simId" => {
        #[error("SIM {0} has no activation code, because it is no eSIM")]
        NoActivationCode(SimId),
    }
    /// The SIM is deprogrammed
    "sim-deprogrammed": Conflict, field "simId" => {
        #[error("SIM {0} is deprogrammed; its activation code is of no use any more")]
        SimDeprogrammed(SimId),
    }
    /// The profile was installed, so the activation code is of no use any more
    "activation-code-used": Conflict, field "simId" => {
        #[error("the profile of SIM {sim} is {state}, so its activation code is of no use any more; replace the SIM")]
        CodeUsed {
            /// The SIM.
            sim: SimId,
            /// The state of its profile.
            state: ProfileState,
        },
    }
    /// The activation code was read as often, or as late, as it may
    "activation-code-limit": Conflict, field "simId" => {
        #[error("the activation code of SIM {0} was read too often, or is too old; replace the SIM")]
        CodeLimitReached(SimId),
    }
    /// The SIM is not ACTIVE
    "sim-not-active": Conflict, field "simId" => {
        #[error("SIM {sim} is {status}; only an ACTIVE SIM gets a number, so check the SIM")]
        SimNotActive {
            /// The SIM.
            sim: SimId,
            /// The status of the SIM.
            status: SimStatus,
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
    /// GSIM's answer cannot be used; it is recorded and will be settled
    "gsim-answer-unusable": SiganRefused => {
        #[error("GSIM's answer cannot be used; the order is recorded and will be settled")]
        GsimNonsense,
    }
    /// GSIM cannot be reached; nothing was done
    "gsim-unreachable": SiganUnavailable, retry RETRY_SOON => {
        #[error("GSIM cannot be reached; nothing was done, try again in {} s", whole_seconds(RETRY_SOON))]
        GsimUnreachable,
    }
    /// GSIM refuses calls for the client's brand; nothing was done
    "gsim-refuses-brand": SiganUnavailable, retry RETRY_WHEN_BUSY => {
        #[error(
            "GSIM refuses calls for brand {brand}; nothing was done, check the brand and the credentials for GSIM"
        )]
        GsimRefusesBrand {
            /// The brand.
            brand: BrandId,
        },
    }
    /// GSIM has too much to do, or does not answer about this type of SIM; nothing was done
    "gsim-busy": SiganUnavailable, retry RETRY_WHEN_BUSY => {
        #[error("GSIM is busy, or has given no answer about {sim_type}{}; nothing was done, try again later", lasting(*down_for))]
        GsimBusy {
            /// The type of SIM. Orders of the other type may work.
            sim_type: SimType,
            /// The time for which GSIM has given no answer.
            down_for: Option<Duration>,
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
    /// GSIM gave no certain answer, or is still at work; repeat the same request to learn the outcome
    "sim-outcome-unknown": OutcomeUnknown, retry RETRY_SOON => {
        ///
        /// GSIM may have done what it was asked. It is recorded and will be settled.
        #[error("no certain answer from GSIM ({0}); repeat the same request to learn the outcome")]
        SimOutcomeUnknown(Doubt),
        ///
        /// GSIM has accepted the order and makes the SIM.
        #[error("GSIM is still making the SIM; repeat the same request to get it")]
        SimPending,
    }
    /// A fault of this program; what was begun will be settled
    "internal": Internal => {
        #[error("an internal fault stopped the operation; what it began will be settled")]
        Internal,
    }
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
            Self::SiganBusy { retry_after }
            | Self::DrawBudgetExceeded { retry_after, .. }
            | Self::SettlementInFlight { retry_after, .. } => Some(*retry_after),
            _ => self.error_type().retry,
        }
    }
}

//! The errors of the ports, as errors of the operations.

use super::Error;
use crate::gsim::{SimError, SimsBusy};
use crate::sigan::{Busy, Doubt, RETRY_WHEN_BUSY, Refusal, SiganError};

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

/// The error of a call to GSIM without an effect.
impl From<SimError> for Error {
    fn from(error: SimError) -> Self {
        match error {
            SimError::NotSent => Self::GsimUnreachable,
            SimError::Refused(_)
            | SimError::NoAnswer(Doubt::Credentials | Doubt::Status(_) | Doubt::Unreadable) => {
                Self::GsimNonsense
            }
            SimError::NoAnswer(doubt) => Self::SimOutcomeUnknown(doubt),
        }
    }
}

/// The error if there is no turn at GSIM.
impl From<SimsBusy> for Error {
    fn from(SimsBusy { sim_type, reason, down_for }: SimsBusy) -> Self {
        match reason {
            Busy::NoTurn => Self::GsimBusy { sim_type, down_for },
            Busy::Refused(brand) => Self::GsimRefusesBrand { brand },
            Busy::Share(limit) => Self::ClientShareExceeded { limit },
        }
    }
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

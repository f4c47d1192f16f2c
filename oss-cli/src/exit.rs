//! Exit codes. They are an interface: scripts read them.

use std::borrow::Cow;
use std::fmt::Display;

use oss_core::config::ConfigError;
use oss_core::store::{AdoptRefusal, StoreError};
use oss_core::{
    AdoptError, Error, ErrorKind, ErrorType, ImportError, ImportFault, ImportFaults, StartError,
    whole_seconds,
};
use serde::Serialize;

/// Declares the codes, each with the line that says it in `--help`.
macro_rules! exit_codes {
    ($(#[doc = $meaning:literal] $name:ident = $code:literal,)+) => {
        $(#[doc = $meaning] pub(crate) const $name: u8 = $code;)+

        /// The codes, for `--help`.
        pub(crate) const HELP: &str = concat!("Exit codes:" $(, "\n  ", $code, " ", $meaning)+);
    };
}

exit_codes! {
    /// done
    OK = 0,
    /// internal fault, or our records and Sigan's disagree
    INTERNAL = 1,
    /// malformed input or configuration
    USAGE = 2,
    /// unknown: area code, preview, number, SIM, device or brand
    UNKNOWN = 3,
    /// the state forbids it: expired, in use, in flight, none left; or the audit is not clean
    CONFLICT = 4,
    /// Sigan or GSIM refused, cannot be reached, or gave no certain answer
    SIGAN = 5,
    /// the database or the server is not available
    DATABASE = 6,
    /// interrupted
    INTERRUPTED = 130,
    /// the reader of a list, of events or of an audit left before the end (`oss list | head`)
    CLOSED_PIPE = 141,
}

/// The reason why a command failed: its codes and its message.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    /// The exit code.
    #[serde(skip)]
    pub(crate) exit: u8,
    /// A short, stable name, for programs.
    pub(crate) code: Cow<'static, str>,
    /// Each fault by itself, if the message lists several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<Fault>,
    /// The input at fault, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<Cow<'static, str>>,
    /// The text that names the fault and says what to do.
    pub(crate) message: String,
    /// The seconds after which the same command may succeed, if it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_seconds: Option<u64>,
}

/// One of several faults.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fault {
    /// The argument at fault, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    /// The file at fault, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// The line at fault in that file, counted from 1; none if the whole file is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u64>,
    /// The fault, in words.
    pub(crate) message: String,
}

impl Fault {
    /// A fault that has only a text.
    pub(crate) fn new(message: String) -> Self {
        Self { field: None, file: None, line: None, message }
    }
}

impl From<ImportFault> for Fault {
    fn from(ImportFault { file, line, fault, .. }: ImportFault) -> Self {
        Self { file: Some(file), line, ..Self::new(fault) }
    }
}

impl Failure {
    /// A failure with an exit code, a name and a message.
    pub(crate) fn new(exit: u8, code: impl Into<Cow<'static, str>>, message: String) -> Self {
        Self { exit, code: code.into(), message, field: None, retry_after_seconds: None, errors: Vec::new() }
    }

    /// A failure of a type of the library, with its message and the seconds after which to repeat the command.
    pub(crate) fn of_type(of: &'static ErrorType, message: String, retry_after_seconds: Option<u64>) -> Self {
        Self {
            field: of.field.map(Cow::from),
            retry_after_seconds,
            ..Self::new(exit_code(of.kind), of.code, message)
        }
    }

    /// A fault of this program or its machine.
    pub(crate) fn internal(fault: impl Display) -> Self {
        Self::new(INTERNAL, "internal", fault.to_string())
    }

    /// The person at the terminal interrupted the command. `left` says what happens to its work.
    pub(crate) fn interrupted(left: &str) -> Self {
        Self::new(INTERRUPTED, "interrupted", format!("interrupted: {left}"))
    }

    /// Nobody reads standard output any more. It is not shown, and a shell reports the same code for a program that such a write kills.
    pub(crate) fn closed_pipe() -> Self {
        Self::new(CLOSED_PIPE, "closed-pipe", "the reader of the output left".to_owned())
    }

    /// An argument that names nothing that there is.
    pub(crate) fn unknown(code: &'static str, message: &str) -> Self {
        Self::new(UNKNOWN, code, message.to_owned())
    }

    /// An argument that is well-formed but cannot be used.
    pub(crate) fn usage(fault: impl Display) -> Self {
        Self::new(USAGE, "usage", fault.to_string())
    }
}

/// The one map from the library's errors to exit codes.
fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Internal => INTERNAL,
        ErrorKind::Unknown | ErrorKind::UnknownReference => UNKNOWN,
        ErrorKind::KeyReused => USAGE,
        ErrorKind::Expired | ErrorKind::Conflict | ErrorKind::TooMany => CONFLICT,
        ErrorKind::SiganRefused | ErrorKind::SiganUnavailable | ErrorKind::OutcomeUnknown => SIGAN,
        ErrorKind::DatabaseUnavailable => DATABASE,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::of_type(error.error_type(), error.to_string(), error.retry_after().map(whole_seconds))
    }
}

impl From<AdoptError> for Failure {
    fn from(error: AdoptError) -> Self {
        let (code, message) = (error.code(), error.to_string());
        let (exit, field) = match error {
            AdoptError::Failed(error) => return error.into(),
            AdoptError::NotListed { .. } => (UNKNOWN, "msisdn"),
            AdoptError::UnknownSim(_) => (UNKNOWN, "simId"),
            AdoptError::Refused {
                refusal: AdoptRefusal::SimHasNumber(_) | AdoptRefusal::SimNotActive,
                ..
            } => (CONFLICT, "simId"),
            _ => (CONFLICT, "msisdn"),
        };
        Self { field: Some(field.into()), ..Self::new(exit, code, message) }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let message = error.to_string();
        let errors = error.faults.into_iter().map(Fault::new).collect();
        Self { errors, ..Self::new(USAGE, "configuration", message) }
    }
}

impl From<ImportFaults> for Failure {
    fn from(error: ImportFaults) -> Self {
        let message = error.to_string();
        let errors = error.faults.into_iter().map(Fault::from).collect();
        Self { errors, ..Self::new(USAGE, "import-faults", message) }
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::MassRemoval(error) => {
                let advice = "look at the list, and give --force if it is complete";
                Self::new(CONFLICT, "mass-removal", format!("{error}; {advice}"))
            }
            ImportError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(DATABASE, "database", error.to_string())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Config(error) => error.into(),
            StartError::Store(error) => error.into(),
            StartError::NoSandbox => Self::usage(error),
            StartError::SandboxInUse { .. } => Self::new(CONFLICT, "sandbox-in-use", error.to_string()),
            _ => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_codes_never_change() {
        let codes = [OK, INTERNAL, USAGE, UNKNOWN, CONFLICT, SIGAN, DATABASE];
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6]);
        for code in codes {
            assert!(HELP.contains(&format!("\n  {code}  ")), "{code} is not in --help");
        }
    }

    #[test]
    fn an_error_has_the_code_of_its_kind() {
        let failure = Failure::from(Error::SiganUnreachable);
        assert_eq!(
            (failure.exit, &*failure.code, failure.retry_after_seconds),
            (5, "sigan-unreachable", Some(2))
        );
        let failure = Failure::from(Error::Store(StoreError::Unavailable { reason: "x".to_owned() }));
        assert_eq!(failure.exit, 6);
    }
}

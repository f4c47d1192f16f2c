//! The errors of command lines that cannot be read, for people and for programs.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::exit::{Failure, Fault};

/// The text that replaces private text.
const HIDDEN: &str = "…";

/// Hides the typed text in an error if it is a value or may be private.
pub(crate) fn hide_numbers(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::ValueValidation {
        error.insert(ContextKind::InvalidValue, ContextValue::String(HIDDEN.to_owned()));
    }
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidSubcommand, ContextKind::InvalidValue] {
        if matches!(error.get(kind), Some(ContextValue::String(text)) if is_private(text)) {
            error.insert(kind, ContextValue::String(HIDDEN.to_owned()));
            // Clap repeats the word in its advice.
            error.insert(ContextKind::Suggested, ContextValue::None);
        }
    }
    error
}

/// Whether a text may be private: a URL, which may carry a password, or as many digits as a number without its area code.
fn is_private(text: &str) -> bool {
    text.contains("://") || text.chars().filter(char::is_ascii_digit).count() >= 8
}

impl From<&clap::Error> for Failure {
    fn from(error: &clap::Error) -> Self {
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            return Self::usage("a command is missing; --help lists them");
        }
        let mut failure = Self::usage(message(&error.to_string()));
        match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(argument)) => failure.field = Some(name(argument).into()),
            Some(ContextValue::Strings(missing)) if error.kind() == ErrorKind::MissingRequiredArgument => {
                failure.errors = missing.iter().map(|argument| required(argument)).collect();
            }
            _ => {}
        }
        failure
    }
}

fn required(argument: &str) -> Fault {
    Fault { field: Some(name(argument)), ..Fault::new("is required".to_owned()) }
}

/// An argument's name without the name of its value: `--ddd` of `--ddd <DDD>`, and `MSISDN` of `<MSISDN>...`.
fn name(argument: &str) -> String {
    let name = argument.split([' ', '=']).next().unwrap_or_default();
    name.trim_matches(['<', '>', '[', ']', '.']).to_owned()
}

/// The text without the advice on how to use the command.
fn message(text: &str) -> String {
    let paragraphs = text.strip_prefix("error: ").unwrap_or(text).split("\n\n");
    let kept = paragraphs.filter(|part| !part.starts_with("Usage:") && !part.starts_with("For more"));
    let one_line = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    kept.map(one_line).collect::<Vec<_>>().join("; ")
}

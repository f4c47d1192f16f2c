//! Command lines that cannot be read: what is said of them, to people and to programs.

use std::ffi::OsString;

use clap::ValueEnum;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::args::Form;
use crate::exit::{Failure, Fault};

/// The form of answers that a command line asks for, even if the rest of it cannot be read.
pub(crate) fn wished_form(line: &[OsString]) -> Form {
    let words: Vec<_> = line.iter().map(|word| word.to_string_lossy()).collect();
    let options = words.split(|word| word == "--").next().unwrap_or_default();
    let mut form = Form::Table;
    for (at, option) in options.iter().enumerate() {
        let value = match option.strip_prefix("--output").or_else(|| option.strip_prefix("-o")) {
            Some("") => options.get(at + 1).map(AsRef::as_ref),
            Some(value) => Some(value.strip_prefix('=').unwrap_or(value)),
            None => None,
        };
        form = value.and_then(|value| Form::from_str(value, false).ok()).unwrap_or(form);
    }
    form
}

/// Stands for what was typed.
const HIDDEN: &str = "…";

/// Leaves out of an error what was typed, if it is a value or may be a number.
pub(crate) fn hide_numbers(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::ValueValidation {
        error.insert(ContextKind::InvalidValue, ContextValue::String(HIDDEN.to_owned()));
    }
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidSubcommand, ContextKind::InvalidValue] {
        if matches!(error.get(kind), Some(ContextValue::String(text)) if has_number(text)) {
            error.insert(kind, ContextValue::String(HIDDEN.to_owned()));
            // Clap repeats the word in its advice.
            error.insert(ContextKind::Suggested, ContextValue::None);
        }
    }
    error
}

/// Whether a text has as many digits as a number without its area code.
fn has_number(text: &str) -> bool {
    text.chars().filter(char::is_ascii_digit).count() >= 8
}

impl From<&clap::Error> for Failure {
    fn from(error: &clap::Error) -> Self {
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            return Self::usage("a command is missing; --help lists them".to_owned());
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

/// An argument's name without the one of its value: `--ddd` of `--ddd <DDD>`, and `MSISDN` of `<MSISDN>...`.
fn name(argument: &str) -> String {
    let name = argument.split([' ', '=']).next().unwrap_or_default();
    name.trim_matches(['<', '>', '[', ']', '.']).to_owned()
}

/// The text without the advice on how to use the command.
fn message(text: &str) -> String {
    let paragraphs = text.strip_prefix("error: ").unwrap_or(text).split("\n\n");
    let said = paragraphs.filter(|part| !part.starts_with("Usage:") && !part.starts_with("For more"));
    let one_line = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    said.map(one_line).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parse;

    fn form(line: &str) -> Form {
        wished_form(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_form_is_found_wherever_it_stands() {
        for line in [
            "oss --output json show",
            "oss show --output=json",
            "oss -o json",
            "oss show -ojson 1",
            "oss x -o=json",
            "oss --output table --output json",
        ] {
            assert_eq!(form(line), Form::Json, "{line}");
        }
        for line in ["oss show", "oss --output", "oss --output yaml", "oss show -- --output json", "oss json"]
        {
            assert_eq!(form(line), Form::Table, "{line}");
        }
    }

    fn failure(line: &str) -> Failure {
        Failure::from(&parse(line.split(' ')).expect_err(line))
    }

    #[test]
    fn a_program_is_told_what_is_wrong_without_how_to_use_it() {
        let missing = failure("oss adopt 11999950001 --output json");
        let fields: Vec<_> = missing.errors.iter().filter_map(|fault| fault.field.as_deref()).collect();
        assert_eq!(fields, ["--sim", "--brand"], "{missing:?}");
        assert!(!missing.message.contains("Usage") && !missing.message.contains('\n'), "{missing:?}");
        let wrong = failure("oss preview --ddd 1");
        assert_eq!((wrong.exit, wrong.field.as_deref()), (2, Some("--ddd")), "{wrong:?}");
        assert!(failure("oss shwo").message.contains("'show'"));
        assert!(failure("oss").message.contains("a command is missing"));
    }
}

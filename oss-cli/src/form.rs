//! The form of answers: for people or for programs.

use std::ffi::OsString;

use clap::ValueEnum;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people.
    Table,
    /// For programs: one document, stable.
    Json,
    /// For programs: each entry of a list as a JSON document on a line of its own, and any other answer on one line.
    Ndjson,
    /// For spreadsheets: lists only.
    Csv,
}

impl Form {
    /// Whether programs read it.
    pub(crate) fn is_for_programs(self) -> bool {
        self != Self::Table
    }
}

/// The form of answers that a command line asks for, even if the rest of it cannot be read.
pub(crate) fn requested_form(line: &[OsString]) -> Form {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn form(line: &str) -> Form {
        requested_form(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_form_is_found_anywhere_in_the_line() {
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
        assert_eq!(form("oss brands -o ndjson"), Form::Ndjson);
        for line in ["oss show", "oss --output", "oss --output yaml", "oss show -- --output json", "oss json"]
        {
            assert_eq!(form(line), Form::Table, "{line}");
        }
    }
}

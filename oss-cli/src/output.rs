//! Writes answers and failures: as tables for people, as JSON for programs.
//!
//! The JSON has the fields of the HTTP interface and is stable; the tables may change.

use std::io::Write;
use std::process::ExitCode;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

use crate::exit::Failure;
use crate::form::Form;
use crate::status_line;

/// Writes in the form that was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) form: Form,
    /// How the program was called, for a command to type next.
    pub(crate) program: &'static str,
}

/// An answer that can be written in both forms.
pub(crate) trait Answer: Serialize {
    /// The text for people. `oss` is how they called the program, for the command to type next.
    fn table(&self, oss: &str) -> String;
}

impl Output {
    pub(crate) fn new(form: Form, program: &'static str) -> Self {
        Self { form, program }
    }

    /// Writes an answer to standard output.
    pub(crate) fn answer(self, answer: &impl Answer) -> Result<(), Failure> {
        let text = match self.form {
            Form::Table => answer.table(self.program),
            Form::Json => serde_json::to_string_pretty(answer).map_err(Failure::internal)?,
        };
        write(anstream::stdout(), &text)
    }

    /// Writes one of several answers to standard output: in JSON, one document a line.
    pub(crate) fn line(self, answer: &impl Answer) -> Result<(), Failure> {
        match self.form {
            Form::Table => self.answer(answer),
            Form::Json => {
                write(anstream::stdout(), &serde_json::to_string(answer).map_err(Failure::internal)?)
            }
        }
    }

    /// Writes a part of an answer to standard output before the rest is known. Programs get all of it at the end.
    pub(crate) fn part(self, text: &str) -> Result<(), Failure> {
        match self.form {
            Form::Table => write(anstream::stdout(), text),
            Form::Json => Ok(()),
        }
    }

    /// Writes a failure to standard error, and gives its exit code.
    pub(crate) fn failure(self, failure: &Failure) -> ExitCode {
        let text = match self.form {
            Form::Table => format!("error: {}", failure.message),
            Form::Json => serde_json::json!({ "error": failure }).to_string(),
        };
        // If standard error is gone too, only the exit code can say it.
        let _ = write(anstream::stderr(), &text);
        ExitCode::from(failure.exit)
    }
}

/// Writes a text. A reader that stops reading (`oss … | head`) is no failure.
fn write(mut to: impl Write, text: &str) -> Result<(), Failure> {
    match status_line::aside(|| writeln!(to, "{text}").and_then(|()| to.flush())) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::internal(format!("the answer could not be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// A table with these headings that is no wider than the terminal.
pub(crate) fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(headings);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width());
    table
}

/// The columns of the terminal; 80 if there is none.
fn width() -> u16 {
    terminal_size::terminal_size().map_or(80, |(terminal_size::Width(columns), _)| columns)
}

//! Writes answers and failures: as tables for people, as JSON or NDJSON for programs.
//!
//! The JSON has the fields of the HTTP interface and is stable; the tables may change.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

use crate::exit::{self, Failure};
use crate::form::Form;
use crate::status_line;

/// Writes answers and failures in the requested form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// The requested form.
    pub(crate) form: Form,
    /// The program as it was called, for suggested commands.
    pub(crate) program: &'static str,
}

/// An answer that can be written in each form.
pub(crate) trait Answer: Serialize {
    /// The text for people. `oss` is the program as they called it, for suggested commands.
    fn table(&self, oss: &str) -> String;

    /// The lines of NDJSON: a line for each entry of a list, and one line for any other answer.
    fn lines(&self) -> serde_json::Result<Vec<String>> {
        Ok(vec![serde_json::to_string(self)?])
    }
}

/// A line of JSON for each entry of a list.
pub(crate) fn lines_of<T: Serialize>(entries: &[T]) -> serde_json::Result<Vec<String>> {
    entries.iter().map(serde_json::to_string).collect()
}

impl Output {
    pub(crate) fn new(form: Form, program: &'static str) -> Self {
        Self { form, program }
    }

    /// Writes an answer to standard output.
    pub(crate) fn write_answer(self, answer: &impl Answer) -> Result<(), Failure> {
        let text = match self.form {
            Form::Table => answer.table(self.program),
            Form::Json | Form::Csv => serde_json::to_string_pretty(answer).map_err(Failure::internal)?,
            Form::Ndjson => answer.lines().map_err(Failure::internal)?.join("\n"),
        };
        // An empty list has no lines.
        if text.is_empty() {
            return Ok(());
        }
        match write(anstream::stdout(), &text) {
            // This is the end of the command, and what it did stays done.
            Err(failure) if failure.exit == exit::CLOSED_PIPE => Ok(()),
            written => written,
        }
    }

    /// Writes one of several answers to standard output. In JSON, each is a document on a line of its own.
    pub(crate) fn write_line(self, answer: &impl Answer) -> Result<(), Failure> {
        match self.form {
            Form::Table => write(anstream::stdout(), &answer.table(self.program)),
            Form::Json | Form::Ndjson | Form::Csv => write_document(answer),
        }
    }

    /// Writes an entry of a list before the rest is known, as a line of NDJSON. The other forms get the whole list at the end.
    pub(crate) fn write_entry(self, entry: &impl Serialize) -> Result<(), Failure> {
        if self.form == Form::Ndjson { write_document(entry) } else { Ok(()) }
    }

    /// Writes a part of an answer for people before the rest is known. Programs get the whole answer at the end.
    pub(crate) fn write_part(self, text: &str) -> Result<(), Failure> {
        match self.form {
            Form::Table => write(anstream::stdout(), text),
            Form::Json | Form::Ndjson | Form::Csv => Ok(()),
        }
    }

    /// Writes a failure to standard error, unless the reader of the output left, and returns its exit code.
    pub(crate) fn write_failure(self, failure: &Failure) -> ExitCode {
        if failure.exit == exit::CLOSED_PIPE {
            return ExitCode::from(failure.exit);
        }
        let text = match self.form {
            Form::Table => format!("error: {}", failure.message),
            Form::Json | Form::Ndjson | Form::Csv => serde_json::json!({ "error": failure }).to_string(),
        };
        // If standard error cannot be written to, the exit code alone reports the failure.
        let _ = write(anstream::stderr(), &text);
        ExitCode::from(failure.exit)
    }
}

/// Writes a document on a line of its own.
fn write_document(document: &impl Serialize) -> Result<(), Failure> {
    write(anstream::stdout(), &serde_json::to_string(document).map_err(Failure::internal)?)
}

/// Writes a text to standard output, whatever the form of answers is.
pub(crate) fn write_text(text: &str) -> Result<(), Failure> {
    write(anstream::stdout(), text)
}

/// Writes a text. If its reader has left (`oss … | head`), the command ends quietly.
fn write(mut to: impl Write, text: &str) -> Result<(), Failure> {
    let written = status_line::write_aside(|| writeln!(to, "{text}").and_then(|()| to.flush()));
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::closed_pipe(),
        _ => Failure::internal(format!("the answer could not be written: {error}")),
    })
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

//! Reads the records of a list's file: the headings, and then rows that have a value for each heading.

use std::collections::HashMap;

use csv::{ByteRecord, Reader, ReaderBuilder, StringRecord};

use super::list_text::{ListText, quoted};
use crate::domain::trimmed;

/// The names of columns.
pub(super) type Columns = &'static [&'static str];

/// Reads the records of a file.
pub(super) struct Records<'a> {
    text: &'a ListText,
    reader: Reader<&'a [u8]>,
    headings: Vec<String>,
}

/// A fault of a row.
#[derive(Debug)]
pub(super) struct RowFault {
    /// The fault, in words.
    pub(super) fault: String,
    /// Whether the rows after it cannot be checked.
    pub(super) hides_the_rest: bool,
}

impl RowFault {
    fn of_this_row(fault: impl Into<String>) -> Self {
        Self { fault: fault.into(), hides_the_rest: false }
    }
}

impl<'a> Records<'a> {
    pub(super) fn of(text: &'a ListText) -> Self {
        // The count of columns is checked here, because a line break in a field explains a wrong count better.
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(text.separator)
            .from_reader(text.rows());
        Self { text, reader, headings: Vec::new() }
    }

    /// Reads the headings and returns the index of each column. A missing required column and an unknown column are faults; the
    /// fault comes with its line.
    pub(super) fn header(
        &mut self,
        required: Columns,
        optional: Columns,
    ) -> Result<HashMap<&'static str, usize>, (u64, String)> {
        let (line, record) = self.read().ok().flatten().unwrap_or_default();
        let text = String::from_utf8_lossy(record.as_slice());
        self.headings =
            record.iter().map(|name| trimmed(&String::from_utf8_lossy(name)).to_owned()).collect();
        let index_of = |name: &&'static str| {
            self.headings.iter().position(|heading| heading == name).map(|at| (*name, at))
        };
        let indexes: HashMap<_, _> = required.iter().chain(optional).filter_map(index_of).collect();
        let complete = required.iter().all(|name| indexes.contains_key(name));
        if complete && indexes.len() == self.headings.len() {
            return Ok(indexes);
        }
        let may = if optional.is_empty() { String::new() } else { format!("[,{}]", optional.join(",")) };
        let found = if text.is_empty() { "no text".to_owned() } else { quoted(&self.headings.join(",")) };
        Err((line.max(1), format!("expected the headings {}{may}; found {found}", required.join(","))))
    }

    /// Reads the next row that has any text, and its line.
    pub(super) fn next(&mut self) -> Option<(u64, Result<StringRecord, RowFault>)> {
        loop {
            let (line, record) = match self.read() {
                Ok(read) => read?,
                Err(at) => {
                    let fault = "it cannot be read".to_owned();
                    return Some((at, Err(RowFault { fault, hides_the_rest: true })));
                }
            };
            // Spreadsheets write a row of separators alone for each empty row.
            if !record.iter().all(is_blank) {
                return Some((line, self.checked(record)));
            }
        }
    }

    /// The line and the byte after the records that have been read.
    pub(super) fn position(&self) -> &csv::Position {
        self.reader.position()
    }

    /// Reads the next record, with its line. If the reader fails, returns the line that it has reached.
    fn read(&mut self) -> Result<Option<(u64, ByteRecord)>, u64> {
        let mut record = ByteRecord::new();
        let read = self.reader.read_byte_record(&mut record);
        let read = read.map_err(|_| self.text.line(self.reader.position()))?;
        let line = record.position().map_or(0, |at| self.text.line(at));
        Ok(read.then_some((line, record)))
    }

    fn checked(&self, record: ByteRecord) -> Result<StringRecord, RowFault> {
        // No field of these lists has several lines. Such a field begins with a stray quotation mark, and the rows up to
        // the next mark would silently become its value.
        if let Some(at) =
            record.iter().position(|field| field.iter().any(|byte| matches!(byte, b'\r' | b'\n')))
        {
            let column = self.headings.get(at).map_or_else(|| format!("column {}", at + 1), Clone::clone);
            let fault = format!(
                "{column}: the field contains a line break: a quotation mark opens it and is not closed in this line"
            );
            return Err(RowFault { fault, hides_the_rest: true });
        }
        let (expected, columns) = (self.headings.len(), record.len());
        if columns != expected {
            return Err(RowFault::of_this_row(format!("expected {expected} columns, not {columns}")));
        }
        StringRecord::from_byte_record(record).map_err(|_| RowFault::of_this_row("it is not UTF-8"))
    }
}

fn is_blank(field: &[u8]) -> bool {
    // A field with only a line break is not blank: it is in quotation marks.
    std::str::from_utf8(field).is_ok_and(|text| trimmed(text).is_empty() && !text.contains(['\r', '\n']))
}

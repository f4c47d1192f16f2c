//! Reads one file of a list, in CSV (RFC 4180): its rows, and every fault with its line.
//!
//! It finds columns by name and reads values with the parsers of their types. It does not know the purpose of a list.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::path::Path;
use std::str::FromStr;

use csv::StringRecord;

use super::list_text::{ListText, quoted};
use super::records::{Columns, Records, RowFault};
use crate::domain::{Malformed, is_invisible, trimmed};

/// A fault of a list, and its position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{} {fault}", line.map(|line| format!("{line}:")).unwrap_or_default())]
#[non_exhaustive]
pub struct ImportFault {
    /// The file's name.
    pub file: String,
    /// The line, from 1; none if the fault concerns the whole file.
    pub line: Option<u64>,
    /// The fault, in words.
    pub fault: String,
}

/// Every fault of a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the list has faults, so nothing was changed:\n  - {}",
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  - ")
)]
#[non_exhaustive]
pub struct ImportFaults {
    /// The faults, in the order of files and lines.
    pub faults: Vec<ImportFault>,
}

/// The progress of reading a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The count of bytes that have been read.
    pub done: u64,
    /// The count of bytes in the file.
    pub total: u64,
}

/// A file that is being read, and the faults so far.
pub(crate) struct CsvFile<'a> {
    name: &'a str,
    bytes: Cow<'static, [u8]>,
    required: Columns,
    optional: Columns,
    may_be_empty: bool,
    faults: &'a mut Vec<ImportFault>,
}

/// The source of the files of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Folder<'a> {
    /// A folder on the disk.
    Disk(&'a Path),
    /// Files in this program: the name and the text of each.
    Built(&'static [(&'static str, &'static str)]),
}

impl Folder<'_> {
    fn bytes(self, name: &str) -> std::io::Result<Cow<'static, [u8]>> {
        match self {
            Self::Disk(folder) => std::fs::read(folder.join(name)).map(Cow::Owned),
            Self::Built(files) => files
                .iter()
                .find(|(built, _)| *built == name)
                .map(|(_, text)| Cow::Borrowed(text.as_bytes()))
                .ok_or_else(|| std::io::ErrorKind::NotFound.into()),
        }
    }
}

/// A row that is being read, and its position.
pub(crate) struct Row<'a> {
    record: StringRecord,
    columns: &'a HashMap<&'static str, usize>,
    pub(crate) line: u64,
    file: &'a str,
    faults: &'a mut Vec<ImportFault>,
}

impl<'a> CsvFile<'a> {
    /// Opens a file in a folder. If it cannot be read, adds a fault and returns none.
    pub(crate) fn open(
        folder: Folder<'_>,
        name: &'a str,
        required: Columns,
        optional: Columns,
        faults: &'a mut Vec<ImportFault>,
    ) -> Option<Self> {
        match folder.bytes(name) {
            Ok(bytes) => Some(Self { name, bytes, required, optional, may_be_empty: true, faults }),
            Err(error) => {
                let fault = format!("it cannot be read: {}", error.kind());
                faults.push(ImportFault { file: name.to_owned(), line: None, fault });
                None
            }
        }
    }

    /// Makes it a fault if the file has no rows, because a list that is empty by mistake would remove every existing line.
    pub(crate) fn not_empty(self) -> Self {
        Self { may_be_empty: false, ..self }
    }

    /// Calls `each` with every row that has all its columns, and the row's key. Adds the faults of all other rows.
    ///
    /// Returns the line of each key, including rows with other faults. Returns none if the file as a whole is not as expected, so
    /// that references into it cannot be checked.
    pub(crate) fn rows<K: FromStr<Err = Malformed> + Hash + Eq + fmt::Display>(
        self,
        key: &'static str,
        report: &mut dyn FnMut(Progress),
        mut each: impl FnMut(&K, &mut Row<'_>),
    ) -> Option<HashMap<K, u64>> {
        let Self { name, bytes, required, optional, may_be_empty, faults } = self;
        let mut file_fault =
            |line, fault| faults.push(ImportFault { file: name.to_owned(), line: Some(line), fault });
        let text = ListText::decode(bytes).map_err(|fault| file_fault(1, fault)).ok()?;
        let mut records = Records::of(&text);
        let columns =
            records.header(required, optional).map_err(|(line, fault)| file_fault(line, fault)).ok()?;
        let mut keys: HashMap<K, u64> = HashMap::new();
        let total = text.rows().len() as u64;
        while let Some((line, record)) = records.next() {
            report(Progress { done: records.position().byte(), total });
            let record = match record {
                Ok(record) => record,
                Err(RowFault { fault, hides_the_rest }) => {
                    faults.push(ImportFault { file: name.to_owned(), line: Some(line), fault });
                    if hides_the_rest {
                        return None;
                    }
                    continue;
                }
            };
            let mut row = Row { record, columns: &columns, line, file: name, faults };
            let Some(value) = row.key::<K>(key) else { continue };
            if let Some(first) = keys.get(&value) {
                row.add_fault(format!("{key} {value} is already in line {first}"));
            }
            each(&value, &mut row);
            keys.entry(value).or_insert(line);
        }
        let line = Some(text.line(records.position()));
        let mut fault =
            |fault: &str| faults.push(ImportFault { file: name.to_owned(), line, fault: fault.to_owned() });
        if text.rows().last() != Some(&b'\n') {
            fault("the last line does not end: the file may have been cut short; end it with a newline");
        }
        if keys.is_empty() && !may_be_empty {
            fault("it has no rows");
        }
        Some(keys)
    }
}

impl Row<'_> {
    /// Parses the value of a column. Adds a fault if that fails.
    pub(crate) fn get<T: FromStr<Err = Malformed>>(&mut self, column: &'static str) -> Option<T> {
        let text = self.text(column).unwrap_or_default();
        match text.parse() {
            Ok(value) => Some(value),
            Err(Malformed { expected }) => {
                let found = quoted(self.text(column).unwrap_or_default());
                self.add_fault(format!("{column}: expected {expected}; found {found}"));
                None
            }
        }
    }

    /// Parses the value of a column that identifies a row. An invisible character inside it is a fault, because the key would
    /// differ from the one that people see. Those at its ends are trimmed, as in every column.
    fn key<K: FromStr<Err = Malformed>>(&mut self, column: &'static str) -> Option<K> {
        let invisible = self.text(column).and_then(|text| text.chars().find(|char| is_invisible(*char)));
        if let Some(char) = invisible {
            let code = u32::from(char);
            self.add_fault(format!("{column}: it contains an invisible character (U+{code:04X})"));
            return None;
        }
        self.get(column)
    }

    /// Parses a column that names a key of another file. Adds a fault if that file does not have the key. If the keys of that
    /// file are not known, does not check.
    pub(crate) fn reference<K>(
        &mut self,
        column: &'static str,
        keys: Option<&HashMap<K, u64>>,
        file: &str,
    ) -> Option<K>
    where
        K: FromStr<Err = Malformed> + Hash + Eq + fmt::Display,
    {
        let key: K = self.key(column)?;
        if keys.is_some_and(|keys| !keys.contains_key(&key)) {
            self.add_fault(format!("{column}: {key} is not in {file}"));
            return None;
        }
        Some(key)
    }

    /// Reads `true` or `false` from a column, in any case, also in Portuguese, because spreadsheets write that. Returns `default`
    /// if the file has no such column.
    pub(crate) fn flag(&mut self, column: &'static str, default: bool) -> Option<bool> {
        let Some(text) = self.text(column) else { return Some(default) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "verdadeiro" => Some(true),
            "false" | "falso" => Some(false),
            _ => {
                let found = quoted(text);
                self.add_fault(format!("{column}: expected true or false; found {found}"));
                None
            }
        }
    }

    /// Adds a fault of this row.
    pub(crate) fn add_fault(&mut self, fault: String) {
        self.faults.push(ImportFault { file: self.file.to_owned(), line: Some(self.line), fault });
    }

    fn text(&self, column: &str) -> Option<&str> {
        self.columns.get(column).and_then(|&at| self.record.get(at)).map(trimmed)
    }
}

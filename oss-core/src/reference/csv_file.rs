//! One file of a list, in CSV (RFC 4180): its rows, and every fault of it with the line where it is.
//!
//! Knows columns by name and values by the parsers of their types, and nothing of what a list is for.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::path::Path;
use std::str::FromStr;

use csv::{ByteRecord, ErrorKind, Reader, StringRecord};

use crate::numbers::Malformed;

/// A fault of a list, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportFault {
    /// The file's name.
    pub file: String,
    /// The line, from 1; none where it is the file as a whole.
    pub line: Option<u64>,
    /// What is wrong.
    pub fault: String,
}

impl fmt::Display for ImportFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.fault),
            None => write!(f, "{}: {}", self.file, self.fault),
        }
    }
}

/// Every fault of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportFaults {
    /// In the order of files and lines.
    pub faults: Vec<ImportFault>,
}

impl std::error::Error for ImportFaults {}

impl fmt::Display for ImportFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the list has faults, so nothing was changed:")?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n  - {fault}"))
    }
}

/// How far a list has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file that have been read.
    pub done: u64,
    /// Bytes that the file has.
    pub total: u64,
}

/// Names of columns.
type Columns = &'static [&'static str];

/// A file that is being read, and the faults so far.
pub(crate) struct CsvFile<'a> {
    name: &'a str,
    bytes: Cow<'static, [u8]>,
    required: Columns,
    optional: Columns,
    may_be_empty: bool,
    faults: &'a mut Vec<ImportFault>,
}

/// Where the files of a list are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Folder<'a> {
    /// On the disk.
    Disk(&'a Path),
    /// In this program: each file's name and its bytes.
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

/// A row that is being read, and where it is.
pub(crate) struct Row<'a> {
    record: StringRecord,
    places: &'a HashMap<&'static str, usize>,
    pub(crate) line: u64,
    file: &'a str,
    faults: &'a mut Vec<ImportFault>,
}

impl<'a> CsvFile<'a> {
    /// The file of a name in a folder. One that cannot be read is a fault, and there is nothing of it.
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

    /// The same file, where no rows at all are a fault: a list that is empty by mistake would remove every line there is.
    pub(crate) fn not_empty(self) -> Self {
        Self { may_be_empty: false, ..self }
    }

    /// Gives each row that has all its columns to `each`, with its key. Every fault of the others is noted.
    ///
    /// `Some` with the line of each key, also of rows with other faults; none where the file as a whole is not what was
    /// expected, so that references into it cannot be judged.
    pub(crate) fn rows<K: FromStr<Err = Malformed> + Hash + Eq + fmt::Display>(
        self,
        key: &'static str,
        told: &mut dyn FnMut(Progress),
        mut each: impl FnMut(&K, &mut Row<'_>),
    ) -> Option<HashMap<K, u64>> {
        let Self { name, bytes, required, optional, may_be_empty, faults } = self;
        let mut reader = Reader::from_reader(&*bytes);
        let places = match header(&mut reader, required, optional) {
            Ok(places) => places,
            Err(fault) => {
                faults.push(ImportFault { file: name.to_owned(), line: Some(1), fault });
                return None;
            }
        };
        let mut keys: HashMap<K, u64> = HashMap::new();
        let total = bytes.len() as u64;
        while let Some((line, record)) = next(&mut reader) {
            told(Progress { done: reader.position().byte(), total });
            let record = match record {
                Ok(record) => record,
                Err(fault) => {
                    faults.push(ImportFault { file: name.to_owned(), line: Some(line), fault });
                    continue;
                }
            };
            let mut row = Row { record, places: &places, line, file: name, faults };
            let Some(found) = row.get::<K>(key) else { continue };
            if let Some(first) = keys.get(&found) {
                row.fault(format!("{key} {found} is already in line {first}"));
            }
            each(&found, &mut row);
            keys.entry(found).or_insert(line);
        }
        let line = Some(reader.position().line());
        let mut fault =
            |fault: &str| faults.push(ImportFault { file: name.to_owned(), line, fault: fault.to_owned() });
        if bytes.last() != Some(&b'\n') {
            fault("the last line does not end: the file may have been cut short; end it with a newline");
        }
        if keys.is_empty() && !may_be_empty {
            fault("it has no rows");
        }
        Some(keys)
    }
}

/// Where each column is. A required one that is missing, and any that is not known, is a fault.
fn header(
    reader: &mut Reader<&[u8]>,
    required: Columns,
    optional: Columns,
) -> Result<HashMap<&'static str, usize>, String> {
    let expected = || {
        let may = if optional.is_empty() { String::new() } else { format!("[,{}]", optional.join(",")) };
        format!("expected the headings {}{may}", required.join(","))
    };
    let given = reader.headers().map_err(|_| expected())?.clone();
    let place = |name: &&'static str| given.iter().position(|column| column == *name).map(|at| (*name, at));
    let places: HashMap<_, _> = required.iter().chain(optional).filter_map(place).collect();
    let complete = required.iter().all(|name| places.contains_key(name));
    if complete && places.len() == given.len() { Ok(places) } else { Err(expected()) }
}

/// The next row and its line; what is wrong with it, where it is no row.
fn next(reader: &mut Reader<&[u8]>) -> Option<(u64, Result<StringRecord, String>)> {
    let mut record = ByteRecord::new();
    match reader.read_byte_record(&mut record) {
        Ok(false) => None,
        Ok(true) => {
            let line = record.position().map_or(0, csv::Position::line);
            Some((line, StringRecord::from_byte_record(record).map_err(|_| "it is not UTF-8".to_owned())))
        }
        Err(error) => {
            let line = error.position().map_or(0, csv::Position::line);
            let fault = match error.kind() {
                ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    format!("expected {expected_len} columns, not {len}")
                }
                _ => "it cannot be read".to_owned(),
            };
            Some((line, Err(fault)))
        }
    }
}

impl Row<'_> {
    /// The value of a column, through the parser of its type. Where it is not what was expected, that is a fault.
    pub(crate) fn get<T: FromStr<Err = Malformed>>(&mut self, column: &'static str) -> Option<T> {
        let text = self.text(column).unwrap_or_default();
        match text.parse() {
            Ok(value) => Some(value),
            Err(Malformed { expected }) => {
                self.fault(format!("{column}: expected {expected}"));
                None
            }
        }
    }

    /// The key of another file that a column names. Where that file has no such key, that is a fault; where nothing is known
    /// of its keys, it is not.
    pub(crate) fn reference<K>(
        &mut self,
        column: &'static str,
        keys: Option<&HashMap<K, u64>>,
        file: &str,
    ) -> Option<K>
    where
        K: FromStr<Err = Malformed> + Hash + Eq + fmt::Display,
    {
        let key: K = self.get(column)?;
        if keys.is_some_and(|keys| !keys.contains_key(&key)) {
            self.fault(format!("{column}: {key} is not in {file}"));
            return None;
        }
        Some(key)
    }

    /// Whether a column says `true` or `false`; `default` where the file has no such column.
    pub(crate) fn flag(&mut self, column: &'static str, default: bool) -> Option<bool> {
        match self.text(column) {
            None => Some(default),
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => {
                self.fault(format!("{column}: expected true or false"));
                None
            }
        }
    }

    /// Notes a fault of this row.
    pub(crate) fn fault(&mut self, fault: String) {
        self.faults.push(ImportFault { file: self.file.to_owned(), line: Some(self.line), fault });
    }

    fn text(&self, column: &str) -> Option<&str> {
        self.places.get(column).and_then(|&at| self.record.get(at))
    }
}

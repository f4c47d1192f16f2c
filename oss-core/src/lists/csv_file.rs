//! One file of a list, in CSV (RFC 4180): its rows, and every fault of it with the line where it is.
//!
//! Knows columns by name and values by the parsers of their types, and nothing of what a list is for.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::path::Path;
use std::str::FromStr;

use csv::StringRecord;

use super::list_text::{ListText, shown};
use super::records::{Columns, Records, RowFault};
use crate::domain::{Malformed, is_invisible, trimmed};

/// A fault of a list, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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
#[non_exhaustive]
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
#[non_exhaustive]
pub struct Progress {
    /// Bytes of the file that have been read.
    pub done: u64,
    /// Bytes that the file has.
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
        let mut whole =
            |line, fault| faults.push(ImportFault { file: name.to_owned(), line: Some(line), fault });
        let text = ListText::decode(bytes).map_err(|fault| whole(1, fault)).ok()?;
        let mut records = Records::of(&text);
        let places = records.header(required, optional).map_err(|(line, fault)| whole(line, fault)).ok()?;
        let mut keys: HashMap<K, u64> = HashMap::new();
        let total = text.rows().len() as u64;
        while let Some((line, record)) = records.next() {
            told(Progress { done: records.position().byte(), total });
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
            let mut row = Row { record, places: &places, line, file: name, faults };
            let Some(found) = row.key::<K>(key) else { continue };
            if let Some(first) = keys.get(&found) {
                row.fault(format!("{key} {found} is already in line {first}"));
            }
            each(&found, &mut row);
            keys.entry(found).or_insert(line);
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
    /// The value of a column, through the parser of its type. Where it is not what was expected, that is a fault.
    pub(crate) fn get<T: FromStr<Err = Malformed>>(&mut self, column: &'static str) -> Option<T> {
        let text = self.text(column).unwrap_or_default();
        match text.parse() {
            Ok(value) => Some(value),
            Err(Malformed { expected }) => {
                let found = shown(self.text(column).unwrap_or_default());
                self.fault(format!("{column}: expected {expected}; found {found}"));
                None
            }
        }
    }

    /// The value of a column that identifies a row. An invisible character makes it another key than the one that people
    /// see, so one inside it is a fault. Those around it are trimmed, as they are in every column.
    fn key<K: FromStr<Err = Malformed>>(&mut self, column: &'static str) -> Option<K> {
        let invisible = self.text(column).and_then(|text| text.chars().find(|char| is_invisible(*char)));
        if let Some(char) = invisible {
            let code = u32::from(char);
            self.fault(format!("{column}: it contains an invisible character (U+{code:04X})"));
            return None;
        }
        self.get(column)
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
        let key: K = self.key(column)?;
        if keys.is_some_and(|keys| !keys.contains_key(&key)) {
            self.fault(format!("{column}: {key} is not in {file}"));
            return None;
        }
        Some(key)
    }

    /// Whether a column says `true` or `false`, in any case and also in Portuguese, as spreadsheets write it; `default` if
    /// the file has no such column.
    pub(crate) fn flag(&mut self, column: &'static str, default: bool) -> Option<bool> {
        let Some(text) = self.text(column) else { return Some(default) };
        let is_one_of = |words: [&str; 2]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        if is_one_of(["true", "verdadeiro"]) {
            return Some(true);
        }
        if is_one_of(["false", "falso"]) {
            return Some(false);
        }
        let found = shown(text);
        self.fault(format!("{column}: expected true or false; found {found}"));
        None
    }

    /// Notes a fault of this row.
    pub(crate) fn fault(&mut self, fault: String) {
        self.faults.push(ImportFault { file: self.file.to_owned(), line: Some(self.line), fault });
    }

    fn text(&self, column: &str) -> Option<&str> {
        self.places.get(column).and_then(|&at| self.record.get(at)).map(trimmed)
    }
}

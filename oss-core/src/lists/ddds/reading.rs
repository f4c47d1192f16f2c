//! Reads a list of localities from a CSV file.

use std::path::Path;
use std::str::FromStr;

use super::{Cnl, DddData};
use crate::domain::{Ddd, Malformed};
use crate::lists::{CsvFile, Folder, ImportFaults, Progress};

/// An area code that a locality may have. Anatel's numbering plan has none with a zero.
struct Assignable(Ddd);

impl FromStr for Assignable {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text.parse() {
            Ok(ddd) if !text.contains('0') => Ok(Self(ddd)),
            _ => Err(Malformed { expected: "a DDD: two digits from 1 to 9, for example 11" }),
        }
    }
}

impl DddData {
    /// Reads and checks a list: `location_cnl,ddd[,municipality,uf]`. The names of the municipality and its state are for
    /// people, and not kept. `report` receives the progress.
    ///
    /// # Errors
    ///
    /// [`ImportFaults`] with every fault of the file.
    pub fn read(path: &Path, mut report: impl FnMut(Progress)) -> Result<Self, ImportFaults> {
        let folder = Folder::Disk(path.parent().unwrap_or(Path::new("")));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (mut data, mut faults) = (Self::default(), Vec::new());
        let columns = &["location_cnl", "ddd"];
        if let Some(file) = CsvFile::open(folder, &name, columns, &["municipality", "uf"], &mut faults) {
            file.not_empty().rows("location_cnl", &mut report, |cnl: &Cnl, row| {
                data.localities.extend(row.get("ddd").map(|Assignable(ddd)| (*cnl, ddd)));
            });
        }
        if faults.is_empty() { Ok(data) } else { Err(ImportFaults { faults }) }
    }
}

//! Lists from outside, as files. Each is read and checked as a whole, and compared with the current list.
//!
//! A list is the device catalogue (four files) or the localities with their area codes (one file).

mod csv_file;
mod ddds;
mod devices;
mod diff;
mod list_text;
mod records;
mod removal;

pub(crate) use self::csv_file::{CsvFile, Folder};
pub use self::csv_file::{ImportFault, ImportFaults, Progress};
pub use self::ddds::{Cnl, DddChanges, DddData, DddSummary};
pub use self::devices::{BrandEntry, DeviceChanges, DeviceData, DeviceSummary, ModelEntry, TacEntry};
pub use self::diff::{Changes, Count};
pub use self::removal::{MassRemoval, RemovalLimit};

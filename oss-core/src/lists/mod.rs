//! Lists from outside, as files. Each is read and checked as a whole, and compared with the current list.
//!
//! A list is the device catalogue (four files) or the localities with their area codes (one file).

#[cfg(feature = "import")]
mod csv_file;
mod ddds;
mod devices;
mod diff;
#[cfg(feature = "import")]
mod list_text;
#[cfg(feature = "import")]
mod records;
#[cfg(feature = "import")]
mod removal;

#[cfg(feature = "import")]
pub(crate) use self::csv_file::{CsvFile, Folder};
#[cfg(feature = "import")]
pub use self::csv_file::{ImportFault, ImportFaults, Progress};
pub use self::ddds::{Cnl, DddChanges, DddData, DddSummary};
pub use self::devices::{BrandEntry, DeviceChanges, DeviceData, DeviceSummary, ModelEntry, TacEntry};
pub use self::diff::{Changes, Count};
#[cfg(feature = "import")]
pub use self::removal::{MassRemoval, RemovalLimit};

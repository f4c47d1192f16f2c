//! Lists for imports: the files that come along, changed as a test needs them.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The files of a device catalogue.
const DEVICE_FILES: [&str; 4] =
    ["device_brands.csv", "device_models.csv", "device_codes.csv", "device_tacs.csv"];

/// A folder with a copy of the device catalogue that comes along.
#[derive(Debug)]
pub struct Lists(TempDir);

impl Lists {
    /// The catalogue as it comes along.
    ///
    /// # Panics
    ///
    /// Where it cannot be copied.
    #[must_use]
    pub fn devices() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/data");
        for file in DEVICE_FILES {
            std::fs::copy(data.join(file), dir.path().join(file)).expect("the file is copied");
        }
        Self(dir)
    }

    /// Where it is.
    ///
    /// # Panics
    ///
    /// Never: it is made with a path of ASCII.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path().to_str().expect("a path of ASCII")
    }

    /// A file in the folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Changes a file's bytes.
    ///
    /// # Panics
    ///
    /// Where it cannot be read or written.
    pub fn change(&self, file: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        let bytes = std::fs::read(self.file(file)).expect("the file is read");
        std::fs::write(self.file(file), change(bytes)).expect("the file is written");
    }

    /// Adds a line to a file.
    pub fn add(&self, file: &str, line: &str) {
        self.change(file, |bytes| [&bytes, line.as_bytes(), b"\n"].concat());
    }

    /// Removes the lines that begin with a text.
    pub fn remove(&self, file: &str, begin: &str) {
        self.change(file, |bytes| {
            let lines = bytes.split_inclusive(|byte| *byte == b'\n');
            lines.filter(|line| !line.starts_with(begin.as_bytes())).collect::<Vec<_>>().concat()
        });
    }
}

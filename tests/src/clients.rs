//! The clients of a server: a file that it reads, and their keys.

use std::fmt::Write as _;
use std::path::PathBuf;

use oss_core::access::{ClientKey, Scope};
use tempfile::TempDir;

/// A configuration file of clients, which can be changed while a server reads it.
#[derive(Debug)]
pub struct ClientsFile {
    dir: TempDir,
    text: String,
}

impl ClientsFile {
    /// A file without clients.
    #[must_use]
    pub fn new() -> Self {
        let file = Self { dir: TempDir::new().expect("a temporary folder"), text: String::new() };
        file.write(&file.text);
        file
    }

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("oss.toml")
    }

    /// Adds a client to the file, and returns its key.
    pub fn admit(&mut self, name: &str, brand: &str, scopes: &[Scope]) -> String {
        self.admit_for(name, &[brand], scopes)
    }

    /// Adds a client that may act for several brands, and returns its key.
    pub fn admit_for(&mut self, name: &str, brands: &[&str], scopes: &[Scope]) -> String {
        let key = ClientKey::generate().expect("random bits");
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        write!(
            self.text,
            "[[clients]]\nname = \"{name}\"\nkey_sha256 = \"{}\"\nscopes = {scopes:?}\nbrand_id = {brands:?}\n",
            key.digest()
        )
        .expect("a string takes what is written");
        self.write(&self.text);
        key.expose().to_owned()
    }

    /// Forgets all clients. The next [`ClientsFile::admit`] writes the file without them.
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// Puts any text into the file, like an editor that has not finished.
    pub fn write(&self, text: &str) {
        std::fs::write(self.path(), text).expect("the file can be written");
    }
}

impl Default for ClientsFile {
    fn default() -> Self {
        Self::new()
    }
}

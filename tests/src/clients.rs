//! The clients of a server: a file that it reads, and the keys that open it.

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
    /// A file with nobody in it.
    #[must_use]
    pub fn new() -> Self {
        let file = Self { dir: TempDir::new().expect("a temporary folder"), text: String::new() };
        file.write(&file.text);
        file
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("oss.toml")
    }

    /// Lets a client in, and gives its key.
    pub fn admit(&mut self, name: &str, brand: &str, scopes: &[Scope]) -> String {
        let key = ClientKey::generate().expect("random bits");
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        write!(
            self.text,
            "[[clients]]\nname = \"{name}\"\nkey_sha256 = \"{}\"\nscopes = {scopes:?}\nbrand_id = \"{brand}\"\n",
            key.digest()
        )
        .expect("a string takes what is written");
        self.write(&self.text);
        key.expose().to_owned()
    }

    /// Shuts everybody out again, for those who are admitted next.
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// Puts any text into the file, as an editor does who is not done.
    pub fn write(&self, text: &str) {
        std::fs::write(self.path(), text).expect("the file can be written");
    }
}

impl Default for ClientsFile {
    fn default() -> Self {
        Self::new()
    }
}

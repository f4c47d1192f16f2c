//! Profiles: servers that a person works through, in a file in their configuration folder.
//!
//! ```toml
//! [prod]
//! url = "https://oss.example"
//! key_file = "prod.key"        # or key = "oss_…"
//! brand = "acme"               # optional
//! ca_file = "ca.pem"           # optional: authorities to trust besides those of the machine
//! identity_file = "me.pem"     # optional: the certificate to show, and its private key
//! ```

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use oss_core::config::Sources;
use secrecy::SecretString;
use toml::{Table, Value};

use super::access::{Certificates, ServerAccess, key};
use crate::args::server_url;
use crate::exit::Failure;

/// The file in the folder of this program.
const FILE: &str = "profiles.toml";

/// The fields of a profile.
const FIELDS: [&str; 6] = ["url", "key", "key_file", "brand", "ca_file", "identity_file"];

/// Reads a profile. No error repeats the text of the file, because it has keys.
pub(super) fn read(name: &str, sources: &Sources) -> Result<ServerAccess, Failure> {
    let folder = folder(sources)?;
    let file = folder.join(FILE);
    let profiles = parse(&read_private(&file)?, &file)?;
    let Some(Value::Table(fields)) = profiles.get(name) else {
        let known: Vec<&str> = profiles.keys().map(String::as_str).collect();
        let message = format!("{} has no profile of this name; it has: {}", file.display(), known.join(", "));
        return Err(Failure::usage(message));
    };
    Profile { name, fields, file: &file, folder: &folder }.access()
}

/// The folder of this program in the user's configuration folder (XDG Base Directory Specification).
fn folder(sources: &Sources) -> Result<PathBuf, Failure> {
    let named = sources.variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let of_home = || std::env::home_dir().map(|home| home.join(".config"));
    let folder = named.or_else(of_home).map(|folder| folder.join("oss"));
    folder.ok_or_else(|| Failure::usage("there is no home directory; set XDG_CONFIG_HOME, or give --server"))
}

/// Reads a file that nobody else may read, because of its keys, or change, because a key would be sent to another address.
fn read_private(path: &Path) -> Result<String, Failure> {
    read_without(0o077, path, "read or change it, and it has keys; run: chmod 600")
}

/// Reads a file that anyone may read, but nobody else may change, because another authority could pretend to be the server.
fn read_public(path: &Path) -> Result<String, Failure> {
    read_without(0o022, path, "change it, and it says what to trust; run: chmod go-w")
}

/// Reads a file, unless its mode has one of the bits `refused`. `danger` says what others may do, and ends with the command that forbids it.
fn read_without(refused: u32, path: &Path, danger: &str) -> Result<String, Failure> {
    let unreadable = |error: std::io::Error| unreadable(path, &error);
    let mut file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    if mode & refused != 0 {
        let path = path.display();
        return Err(Failure::usage(format!("{path}: others may {danger} {path}")));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("{} cannot be read: {}", path.display(), error.kind()))
}

fn parse(text: &str, file: &Path) -> Result<Table, Failure> {
    text.parse().map_err(|error: toml::de::Error| {
        let line =
            error.span().and_then(|span| text.get(..span.start)).map_or(1, |text| text.split('\n').count());
        Failure::usage(format!("{} is not TOML, near line {line}", file.display()))
    })
}

/// A profile that is being read. A path in it is relative to the folder of the profiles.
struct Profile<'a> {
    name: &'a str,
    fields: &'a Table,
    file: &'a Path,
    folder: &'a Path,
}

impl Profile<'_> {
    fn access(&self) -> Result<ServerAccess, Failure> {
        if self.fields.keys().any(|field| !FIELDS.contains(&field.as_str())) {
            return Err(self.fault("url, key or key_file, brand, ca_file, identity_file and nothing else"));
        }
        let url = self.text("url")?.ok_or_else(|| self.fault("a url"))?;
        let url = server_url(url).map_err(|error| self.fault_of("url", &error.to_string()))?;
        let brand = self.text("brand")?.map(str::parse).transpose();
        let brand = brand.map_err(|error: oss_core::Malformed| self.fault_of("brand", &error.to_string()))?;
        Ok(ServerAccess { url, key: self.key()?, brand, certificates: self.certificates()? })
    }

    fn key(&self) -> Result<Option<SecretString>, Failure> {
        match (self.text("key")?, self.text("key_file")?) {
            (None, None) => Ok(None),
            (Some(text), None) => key(text, &self.place("key")).map(Some),
            (None, Some(path)) => {
                let path = self.folder.join(path);
                key(read_private(&path)?.trim_end(), &path.display().to_string()).map(Some)
            }
            (Some(_), Some(_)) => Err(self.fault("key or key_file, not both")),
        }
    }

    fn certificates(&self) -> Result<Certificates, Failure> {
        let path = |field| {
            let path = self.text(field)?.map(|path| self.folder.join(path));
            Ok::<_, Failure>(path)
        };
        let authorities = path("ca_file")?.map(|path| read_public(&path));
        let identity = path("identity_file")?.map(|path| read_private(&path).map(SecretString::from));
        Ok(Certificates { authorities: authorities.transpose()?, identity: identity.transpose()? })
    }

    fn text(&self, field: &str) -> Result<Option<&str>, Failure> {
        match self.fields.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.fault_of(field, "expected a text")),
        }
    }

    fn place(&self, field: &str) -> String {
        format!("{field} of profile {} in {}", self.name, self.file.display())
    }

    fn fault(&self, expected: &str) -> Failure {
        Failure::usage(format!("profile {} in {}: expected {expected}", self.name, self.file.display()))
    }

    fn fault_of(&self, field: &str, fault: &str) -> Failure {
        Failure::usage(format!("{}: {fault}", self.place(field)))
    }
}

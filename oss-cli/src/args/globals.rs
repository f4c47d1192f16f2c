//! The options that every command has.

use std::path::PathBuf;

use oss_core::{BrandId, Malformed, config};
use url::Url;

use super::path;
use crate::form::Form;

/// The heading of the options that every command has.
const GLOBAL: &str = "Global options";

/// The options that every command has.
#[derive(Debug, clap::Args)]
pub(crate) struct Globals {
    /// Work on a sandbox: SQLite and mocks of Sigan and GSIM, kept between runs.
    #[arg(long, global = true, help_heading = GLOBAL, hide = cfg!(not(feature = "sandbox")), conflicts_with_all = ["database_url", "config", "server", "profile"])]
    pub(crate) sandbox: bool,
    /// The folder of the sandbox [default: ~/.local/state/oss/sandbox].
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "DIR", env = "OSS_SANDBOX_DIR", value_parser = path(), hide = cfg!(not(feature = "sandbox")))]
    pub(crate) sandbox_dir: Option<PathBuf>,
    /// Whether the command line names the folder. If the environment does, the next command finds it without the option.
    #[arg(skip)]
    pub(super) names_sandbox_dir: bool,
    /// A file of settings, in TOML.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE", env = "OSS_CONFIG", value_parser = path())]
    pub(crate) config: Option<PathBuf>,
    /// The database: `postgres://…` or `sqlite://…`.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Work through this server instead of a database, with the key in `OSS_KEY` [env: `OSS_SERVER`].
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "URL", value_parser = server_url, conflicts_with_all = ["database_url", "profile"])]
    pub(crate) server: Option<Url>,
    /// Work through the server of this profile in `~/.config/oss/profiles.toml` [env: `OSS_PROFILE`].
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "NAME", conflicts_with = "database_url")]
    pub(crate) profile: Option<String>,
    /// The brand to act for, if the server's client may act for several.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "BRAND")]
    pub(crate) brand: Option<BrandId>,
    /// A table for people, JSON for programs, NDJSON with each entry of a list on a line of its own, or CSV for lists of numbers.
    #[arg(long, short, global = true, help_heading = GLOBAL, value_name = "FORM", default_value = "table")]
    pub(crate) output: Form,
}

impl Globals {
    /// The program's name, with the options that the next command needs to find the same data.
    pub(crate) fn program(&self) -> &'static str {
        let mut words = vec!["oss".to_owned()];
        let mut add = |option: &str, value: &str| words.extend([option.to_owned(), quoted(value)]);
        if let Some(url) = &self.server {
            add("--server", url.as_str());
        }
        if let Some(profile) = &self.profile {
            add("--profile", profile);
        }
        if let (Some(brand), true) = (&self.brand, self.server.is_some() || self.profile.is_some()) {
            add("--brand", brand.as_str());
        }
        if self.sandbox {
            words.push("--sandbox".to_owned());
        }
        if let (Some(dir), true, true) = (&self.sandbox_dir, self.sandbox, self.names_sandbox_dir) {
            words.extend(["--sandbox-dir".to_owned(), quoted(&dir.to_string_lossy())]);
        }
        // This leaks a few bytes, once in the life of the process.
        words.join(" ").leak()
    }
}

/// A word as a shell reads it: quoted if it has special characters.
fn quoted(word: &str) -> String {
    let is_plain = |char: char| char.is_alphanumeric() || "/._-+,:@".contains(char);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// Reads the address of a server.
pub(crate) fn server_url(text: &str) -> Result<Url, Malformed> {
    config::address(text)
}

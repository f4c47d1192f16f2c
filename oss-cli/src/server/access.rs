//! Which server a command line works through, with which key, and for which brand.

use oss_core::BrandId;
use oss_core::config::{self, Sources};
use secrecy::SecretString;
use url::Url;

use super::profile;
use crate::args::{Command, Globals, server_url};
use crate::exit::Failure;

/// The address of a server, and how to call it. Its `Debug` does not show the key.
#[derive(Debug)]
pub(crate) struct ServerAccess {
    pub(super) url: Url,
    /// The key of a client; none for a server that has no clients.
    pub(super) key: Option<SecretString>,
    /// The brand to act for; none for the first one of the client.
    pub(super) brand: Option<BrandId>,
    pub(super) certificates: Certificates,
}

/// The certificates of TLS, all PEM.
#[derive(Debug, Default)]
pub(crate) struct Certificates {
    /// Authorities to trust besides those of the machine.
    pub(super) authorities: Option<String>,
    /// The certificate to show, with its private key.
    pub(super) identity: Option<SecretString>,
}

impl ServerAccess {
    /// Finds the server of a command line; none if it works on a database. A flag is stronger than the environment, so a sandbox or
    /// a database that a flag names is used even if the environment names a server.
    pub(crate) fn find(globals: &Globals, sources: &Sources) -> Result<Option<Self>, Failure> {
        if globals.sandbox || globals.database_url.is_some() {
            return Ok(None);
        }
        let Some(access) = Self::named(globals, sources)? else { return Ok(None) };
        let of_environment = sources.variable("OSS_KEY").map(|text| key(text, "OSS_KEY"));
        let key = access.key.map(Ok).or(of_environment).transpose()?;
        let brand = globals.brand.clone().or(access.brand);
        let access = Self { key, brand, ..access };
        access.require_encryption(sources)?;
        Ok(Some(access))
    }

    /// The access of a command. The brand of `list` is a filter, and a server without clients knows no brand to act for.
    pub(crate) fn for_command(self, command: &Command) -> Self {
        match command {
            Command::List(_) if self.key.is_none() => Self { brand: None, ..self },
            _ => self,
        }
    }

    fn named(globals: &Globals, sources: &Sources) -> Result<Option<Self>, Failure> {
        if let Some(profile) = &globals.profile {
            return profile::read(profile, sources).map(Some);
        }
        if let Some(url) = &globals.server {
            return Ok(Some(Self::at(url.clone())));
        }
        if let Some(url) = sources.variable("OSS_SERVER") {
            let url = server_url(url).map_err(|error| Failure::usage(format!("OSS_SERVER: {error}")))?;
            return Ok(Some(Self::at(url)));
        }
        sources.variable("OSS_PROFILE").map(|profile| profile::read(profile, sources)).transpose()
    }

    fn at(url: Url) -> Self {
        Self { url, key: None, brand: None, certificates: Certificates::default() }
    }

    /// Refuses to send a key to another machine in the clear, unless the setting for other credentials allows it.
    fn require_encryption(&self, sources: &Sources) -> Result<(), Failure> {
        let is_allowed = sources.variable("OSS_ALLOW_HTTP_CREDENTIALS") == Some("true");
        if self.key.is_none() || is_allowed || !config::sends_in_the_clear(&self.url) {
            return Ok(());
        }
        Err(Failure::usage(
            "the server's address is not https://, so anyone on the way could read the key; use https://, or set \
             OSS_ALLOW_HTTP_CREDENTIALS=true",
        ))
    }
}

/// Reads a key. Only visible characters can be sent.
pub(super) fn key(text: &str, place: &str) -> Result<SecretString, Failure> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.into());
    }
    Err(Failure::usage(format!("{place}: expected a key, as `oss keys new` shows it")))
}

//! Keys and certificates are read again while the server runs: on SIGHUP, and when a file has changed.
//!
//! Files are compared by what is in them, not by their times, so that links that are swapped count (as Kubernetes does with
//! mounted secrets). What cannot be read leaves in force what was read before.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use oss_core::access::Clients;
use oss_core::config::{Sources, TlsConfig};
use sha2::{Digest, Sha256};
use tokio::signal::unix::Signal;

use super::tls;
use crate::access::Access;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// What is read again.
#[derive(Debug)]
pub(crate) struct Reload {
    /// Who says so. Listened to from the start of the process on: until then, the signal ends it.
    pub(crate) told: Signal,
    /// Where the clients come from, where there are any.
    pub(crate) clients: Option<(Sources, Arc<Access>)>,
    /// The file that they are in.
    pub(crate) client_file: Watched,
    /// Where the certificate comes from, where there is one.
    pub(crate) tls: Option<(TlsConfig, RustlsConfig)>,
    /// The files that it is in.
    pub(crate) tls_files: Watched,
}

/// Files, and what was in them when they were last looked at.
#[derive(Debug)]
pub(crate) struct Watched {
    files: Vec<PathBuf>,
    seen: Vec<Option<[u8; 32]>>,
}

impl Watched {
    /// Looks at files. Done before they are read for use, so that no change falls in between.
    pub(crate) async fn now(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let files: Vec<PathBuf> = files.into_iter().collect();
        Self { seen: look(&files).await, files }
    }

    /// The files of a certificate.
    pub(crate) async fn of_tls(tls: Option<&TlsConfig>) -> Self {
        let files = |tls: &TlsConfig| [Some(tls.cert.clone()), Some(tls.key.clone()), tls.client_ca.clone()];
        Self::now(tls.map(files).into_iter().flatten().flatten()).await
    }

    /// Whether something else is in them than when they were last looked at.
    async fn have_changed(&mut self) -> bool {
        let before = std::mem::replace(&mut self.seen, look(&self.files).await);
        self.seen != before
    }
}

impl Reload {
    /// Reads again what changes, for as long as this is polled.
    pub(crate) async fn watch(mut self) -> Infallible {
        loop {
            let asked = asked(&mut self.told).await;
            if self.client_file.have_changed().await || asked {
                self.read_clients();
            }
            if self.tls_files.have_changed().await || asked {
                self.read_tls();
            }
        }
    }

    fn read_clients(&self) {
        let Some((sources, access)) = &self.clients else { return };
        match Clients::load(sources) {
            Ok(clients) if clients.is_empty() => {
                tracing::error!(
                    "The configuration has no clients any more; those from before may still call."
                );
            }
            Ok(clients) => {
                tracing::info!(clients = clients.len(), "The clients' keys were read again.");
                access.replace(clients);
            }
            Err(error) => tracing::error!(%error, "The clients' keys from before stay in force."),
        }
    }

    fn read_tls(&self) {
        let Some((config, served)) = &self.tls else { return };
        match tls::read(config) {
            Ok(read) => {
                tracing::info!("The certificate was read again.");
                served.reload_from_config(read);
            }
            Err(error) => tracing::error!(%error, "The certificate from before stays in force."),
        }
    }
}

/// Whether somebody asked, or it is just time to look.
async fn asked(told: &mut Signal) -> bool {
    tokio::select! {
        _ = told.recv() => true,
        () = tokio::time::sleep(LOOK) => false,
    }
}

async fn look(files: &[PathBuf]) -> Vec<Option<[u8; 32]>> {
    let mut seen = Vec::with_capacity(files.len());
    for file in files {
        seen.push(tokio::fs::read(file).await.ok().map(|bytes| Sha256::digest(bytes).into()));
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_is_seen_once_and_so_is_a_file_that_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("oss.toml");
        std::fs::write(&file, "a").unwrap();
        let mut watched = Watched::now([file.clone()]).await;
        std::fs::write(&file, "b").unwrap();
        assert!(watched.have_changed().await, "also what changed before the first look after it");
        std::fs::write(&file, "b").unwrap();
        assert!(!watched.have_changed().await, "what was written again is the same");
        std::fs::remove_file(&file).unwrap();
        assert!(watched.have_changed().await);
    }
}

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
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::tls;
use crate::access::Access;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// What is read again.
#[derive(Debug)]
pub(crate) struct Reload {
    /// Where the clients come from, where there are any.
    pub(crate) clients: Option<(Sources, Arc<Access>)>,
    /// Where the certificate comes from, where there is one.
    pub(crate) tls: Option<(TlsConfig, RustlsConfig)>,
}

/// What was in the files.
type Seen = Vec<Option<[u8; 32]>>;

impl Reload {
    /// Reads again what changes, for as long as this is polled.
    pub(crate) async fn watch(self) -> std::io::Result<Infallible> {
        let mut told = signal(SignalKind::hangup())?;
        let (mut clients, mut tls) = (seen(self.client_files()).await, seen(self.tls_files()).await);
        loop {
            let asked = asked(&mut told).await;
            let (new_clients, new_tls) = (seen(self.client_files()).await, seen(self.tls_files()).await);
            if asked || new_clients != clients {
                self.read_clients();
            }
            if asked || new_tls != tls {
                self.read_tls();
            }
            (clients, tls) = (new_clients, new_tls);
        }
    }

    fn client_files(&self) -> Vec<PathBuf> {
        self.clients.iter().filter_map(|(sources, _)| sources.file.clone()).collect()
    }

    fn tls_files(&self) -> Vec<PathBuf> {
        let files = |(tls, _): &(TlsConfig, RustlsConfig)| {
            [Some(tls.cert.clone()), Some(tls.key.clone()), tls.client_ca.clone()]
        };
        self.tls.iter().flat_map(files).flatten().collect()
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

async fn seen(files: Vec<PathBuf>) -> Seen {
    let mut seen = Vec::with_capacity(files.len());
    for file in files {
        seen.push(tokio::fs::read(file).await.ok().map(|bytes| Sha256::digest(bytes).into()));
    }
    seen
}

//! Keys and certificates are read again while the server runs: on SIGHUP, and when a file has changed.
//!
//! Files are compared by what is in them, not by their times, so that links that are swapped count (as Kubernetes does with
//! mounted secrets). What cannot be read leaves in force what was read before.
//!
//! A file may be on a disk that hangs, so a thread of its own reads them: nothing else waits for it, not even the end of the
//! process.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
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

/// Reads files again when they change, or when somebody says so.
#[derive(Debug)]
pub(crate) struct Reload {
    /// Who says so. Listened to from the start of the process on: until then, the signal ends it.
    pub(crate) told: Signal,
    /// The files to read.
    pub(crate) files: KeysAndCertificates,
}

/// The files that a reload reads again.
#[derive(Debug)]
pub(crate) struct KeysAndCertificates {
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
    pub(crate) fn now(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let files: Vec<PathBuf> = files.into_iter().collect();
        Self { seen: look(&files), files }
    }

    /// The files of a certificate.
    pub(crate) fn of_tls(tls: Option<&TlsConfig>) -> Self {
        let files = |tls: &TlsConfig| [Some(tls.cert.clone()), Some(tls.key.clone()), tls.client_ca.clone()];
        Self::now(tls.map(files).into_iter().flatten().flatten())
    }

    /// Whether something else is in them than when they were last looked at.
    fn have_changed(&mut self) -> bool {
        let before = std::mem::replace(&mut self.seen, look(&self.files));
        self.seen != before
    }
}

impl Reload {
    /// Reads again what changes, for as long as the returned future is polled.
    ///
    /// # Errors
    ///
    /// The operating system gives no thread.
    pub(crate) fn start(self) -> io::Result<impl Future<Output = Infallible>> {
        let Self { told, mut files } = self;
        // Without room: a look is only begun by a thread that has nothing to do.
        let (looks, due) = sync_channel(0);
        let thread = std::thread::Builder::new().name("reload".to_owned());
        thread.spawn(move || due.into_iter().for_each(|asked| files.read_again(asked)))?;
        Ok(request_looks(told, looks))
    }
}

/// Asks the thread to look at the files, at intervals and on SIGHUP.
async fn request_looks(mut told: Signal, looks: SyncSender<bool>) -> Infallible {
    let mut is_asked = false;
    loop {
        is_asked |= asked(&mut told).await;
        match looks.try_send(is_asked) {
            Ok(()) => is_asked = false,
            // It is still reading. What was asked for is due when it has done so.
            Err(TrySendError::Full(_)) => {}
            Err(TrySendError::Disconnected(_)) => {
                tracing::error!("Keys and certificates are not read again any more; start the server anew.");
                return pending().await;
            }
        }
    }
}

impl KeysAndCertificates {
    fn read_again(&mut self, asked: bool) {
        if self.client_file.have_changed() || asked {
            self.read_clients();
        }
        if self.tls_files.have_changed() || asked {
            self.read_tls();
        }
    }

    fn read_clients(&self) {
        let Some((sources, access)) = &self.clients else { return };
        match Clients::load(sources) {
            Ok(clients) => {
                if clients.is_empty() {
                    tracing::error!("The configuration has no clients any more, so nobody may call.");
                }
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

fn look(files: &[PathBuf]) -> Vec<Option<[u8; 32]>> {
    let digest = |file: &PathBuf| std::fs::read(file).ok().map(|bytes| Sha256::digest(bytes).into());
    files.iter().map(digest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_once_and_so_is_a_file_that_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("oss.toml");
        std::fs::write(&file, "a").unwrap();
        let mut watched = Watched::now([file.clone()]);
        std::fs::write(&file, "b").unwrap();
        assert!(watched.have_changed(), "also what changed before the first look after it");
        std::fs::write(&file, "b").unwrap();
        assert!(!watched.have_changed(), "what was written again is the same");
        std::fs::remove_file(&file).unwrap();
        assert!(watched.have_changed());
    }
}

//! Reads keys, webhooks and certificates again while the server runs: on SIGHUP, and if a file has changed.
//!
//! Files are compared by their content, not by their times, so that a swapped link counts as a change (Kubernetes swaps links in
//! mounted secrets). If a file cannot be read, the keys, webhooks or certificates from before stay in force.
//!
//! A file may be on a disk that hangs, so a thread of its own reads the files. Nothing else waits for it, not even the end of the
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
use oss_core::{Oss, Webhook};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use tokio::signal::unix::Signal;

use super::tls;
use crate::access::Access;

/// The time between two looks at the files.
const LOOK: Duration = Duration::from_secs(2);

/// The files that a reload reads again.
#[derive(Debug)]
pub(crate) struct ReloadedFiles {
    /// The sources of the clients and the webhooks.
    pub(crate) sources: Sources,
    /// The file of these sources.
    pub(crate) config_file: Watched,
    /// The value that holds the clients, if there are any.
    pub(crate) clients: Option<Arc<Access>>,
    /// The client that delivers to the webhooks.
    pub(crate) oss: Oss,
    /// The source of the certificate, if there is one, and the value that holds it.
    pub(crate) tls: Option<(TlsConfig, RustlsConfig)>,
    /// The files of the certificate.
    pub(crate) tls_files: Watched,
}

/// Files, and the digests of their content at the last look.
#[derive(Debug)]
pub(crate) struct Watched {
    files: Vec<PathBuf>,
    digests: Vec<Option<[u8; 32]>>,
}

impl Watched {
    /// Looks at files. Call it before they are read for use, so that no change is missed in between.
    pub(crate) fn now(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let files: Vec<PathBuf> = files.into_iter().collect();
        Self { digests: look(&files), files }
    }

    /// The files of a certificate.
    pub(crate) fn of_tls(tls: Option<&TlsConfig>) -> Self {
        let files = |tls: &TlsConfig| [Some(tls.cert.clone()), Some(tls.key.clone()), tls.client_ca.clone()];
        Self::now(tls.map(files).into_iter().flatten().flatten())
    }

    /// Looks again. Returns whether the content has changed since the last look.
    fn look_again(&mut self) -> bool {
        let before = std::mem::replace(&mut self.digests, look(&self.files));
        self.digests != before
    }
}

impl ReloadedFiles {
    /// Reads changed files again, and all of them on SIGHUP, for as long as the returned future is polled. The process listens for
    /// `hangup` from its start, because until then the signal ends it.
    ///
    /// # Errors
    ///
    /// An error if the operating system gives no thread.
    pub(crate) fn reload(mut self, hangup: Signal) -> io::Result<impl Future<Output = Infallible>> {
        // The channel has no buffer, so that a look begins only if the thread has nothing to do.
        let (looks, requests) = sync_channel(0);
        let thread = std::thread::Builder::new().name("reload".to_owned());
        let runtime = Handle::current();
        thread.spawn(move || {
            // The deliveries to webhooks are tasks of the runtime.
            let _entered = runtime.enter();
            for forced in requests {
                self.read_again(forced);
            }
        })?;
        Ok(request_looks(hangup, looks))
    }

    /// Reads the files that have changed, or all of them if that is `forced`.
    fn read_again(&mut self, forced: bool) {
        if self.config_file.look_again() || forced {
            self.read_clients();
            self.read_webhooks();
        }
        if self.tls_files.look_again() || forced {
            self.read_tls();
        }
    }

    fn read_clients(&self) {
        let Some(access) = &self.clients else { return };
        match Clients::load(&self.sources) {
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

    fn read_webhooks(&self) {
        let webhooks = match Webhook::load_all(&self.sources) {
            Ok(webhooks) => webhooks,
            Err(error) => return tracing::error!(%error, "The webhooks from before stay in force."),
        };
        let count = webhooks.len();
        match self.oss.deliver_in_background_to(webhooks) {
            Ok(()) => tracing::info!(webhooks = count, "The webhooks were read again."),
            Err(error) => tracing::error!(%error, "The webhooks from before stay in force."),
        }
    }

    fn read_tls(&self) {
        let Some((config, served)) = &self.tls else { return };
        match tls::read(config) {
            Ok(read) => {
                tracing::info!("The certificate was read again.");
                read.record_expiry();
                served.reload_from_config(read.server);
            }
            Err(error) => tracing::error!(%error, "The certificate from before stays in force."),
        }
    }
}

/// Asks the thread to look at the files, at intervals and on SIGHUP.
async fn request_looks(mut hangup: Signal, looks: SyncSender<bool>) -> Infallible {
    let mut forced = false;
    loop {
        forced |= wait_for_hangup(&mut hangup).await;
        match looks.try_send(forced) {
            Ok(()) => forced = false,
            // The thread is still reading. It gets this request when it has finished.
            Err(TrySendError::Full(_)) => {}
            Err(TrySendError::Disconnected(_)) => {
                tracing::error!(
                    "Keys, webhooks and certificates are not read again any more; restart the server."
                );
                return pending().await;
            }
        }
    }
}

/// Waits until the next look is due. Returns whether SIGHUP asked for it.
async fn wait_for_hangup(hangup: &mut Signal) -> bool {
    tokio::select! {
        _ = hangup.recv() => true,
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
    fn a_change_and_a_removal_are_each_seen_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("oss.toml");
        std::fs::write(&file, "a").unwrap();
        let mut watched = Watched::now([file.clone()]);
        std::fs::write(&file, "b").unwrap();
        assert!(watched.look_again(), "also a change before the first look after it");
        std::fs::write(&file, "b").unwrap();
        assert!(!watched.look_again(), "the same content was written again");
        std::fs::remove_file(&file).unwrap();
        assert!(watched.look_again());
    }
}

//! Reads the server's certificate and the authorities for callers' certificates.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use oss_core::config::TlsConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// The reason why TLS cannot be served. It never repeats a part of a key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file is missing, or has something else in it.
    #[error("{} holds no {what} in PEM that can be read", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The kind of content that it should have.
        what: &'static str,
    },
    /// The parts do not fit together.
    #[error("TLS cannot be set up: {0}")]
    Unfit(#[from] rustls::Error),
    /// The authorities for callers' certificates cannot be used.
    #[error("callers' certificates cannot be checked: {0}")]
    Authorities(#[from] rustls::server::VerifierBuilderError),
}

/// Reads the files into rustls' configuration.
pub(super) fn read(config: &TlsConfig) -> Result<Arc<ServerConfig>, TlsError> {
    let key = PrivateKeyDer::from_pem_file(&config.key).map_err(|_| unread(&config.key, "private key"))?;
    let provider = Arc::new(default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let builder = match &config.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut authorities = RootCertStore::empty();
            for authority in certificates(file)? {
                authorities.add(authority)?;
            }
            let verifier =
                WebPkiClientVerifier::builder_with_provider(authorities.into(), provider).build()?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut server = builder.with_single_cert(certificates(&config.cert)?, key)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    read.ok().filter(|read| !read.is_empty()).ok_or_else(|| unread(file, "certificate"))
}

fn unread(file: &Path, what: &'static str) -> TlsError {
    TlsError::File { file: file.to_owned(), what }
}

//! Reads the server's certificate and the authorities for callers' certificates.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use metrics::gauge;
use oss_core::config::TlsConfig;
use oss_core::telemetry::names::CERTIFICATE_EXPIRY;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use x509_parser::prelude::{FromDer as _, X509Certificate};

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

/// The content of the files, which can be served.
#[derive(Debug)]
pub(super) struct ReadTls {
    /// The configuration for rustls.
    pub(super) server: Arc<ServerConfig>,
    /// The time at which the first certificate of the chain expires, in seconds since 1970.
    expiry: Option<i64>,
}

impl ReadTls {
    /// Sets the gauge of the expiry. Call it when the certificate comes into force.
    pub(super) fn record_expiry(&self) {
        if let Some(expiry) = self.expiry {
            #[expect(
                clippy::cast_precision_loss,
                reason = "it is exact up to 2^53, far beyond the year 9999"
            )]
            gauge!(CERTIFICATE_EXPIRY).set(expiry as f64);
        }
    }
}

/// Reads the files.
pub(super) fn read(config: &TlsConfig) -> Result<ReadTls, TlsError> {
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
    let chain = certificates(&config.cert)?;
    let expiry = chain.iter().filter_map(expiry).min();
    let mut server = builder.with_single_cert(chain, key)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(ReadTls { server: Arc::new(server), expiry })
}

/// The time at which a certificate expires (RFC 5280, section 4.1.2.5), in seconds since 1970. None if the certificate cannot be
/// read: callers refuse it.
fn expiry(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    read.ok().filter(|read| !read.is_empty()).ok_or_else(|| unread(file, "certificate"))
}

fn unread(file: &Path, what: &'static str) -> TlsError {
    TlsError::File { file: file.to_owned(), what }
}

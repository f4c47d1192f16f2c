//! Certificates for a test: its own authority, and the certificates that it signs.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use reqwest::{Certificate, ClientBuilder, Identity};

/// An authority. Only clients that have its certificate trust it.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, both PEM.
#[derive(Debug, Clone)]
pub struct Certified {
    /// The certificate.
    pub cert: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// A new authority.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names are well formed");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, key()).expect("it can sign itself"))
    }

    /// Its own certificate, PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a name or an address.
    #[must_use]
    pub fn certify(&self, name: &str) -> Certified {
        self.certify_until(name, 4096)
    }

    /// A certificate for a name or an address that expires at the beginning of a year.
    #[must_use]
    pub fn certify_until(&self, name: &str, year: i32) -> Certified {
        let key = key();
        let mut params = CertificateParams::new([name.to_owned()]).expect("the name is well formed");
        params.not_after = date_time_ymd(year, 1, 1);
        let cert = params.signed_by(&key, &self.0).expect("it can be signed");
        Certified { cert: cert.pem(), key: key.serialize_pem() }
    }

    /// A builder for a client that trusts only this authority.
    pub fn trusted(&self) -> ClientBuilder {
        // Only the first builder of the process installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let own = Certificate::from_pem(self.pem().as_bytes()).expect("it is one");
        // Each request has a connection of its own, so that an earlier handshake does not count.
        reqwest::Client::builder().no_proxy().tls_certs_only([own]).pool_max_idle_per_host(0)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Certified {
    /// Puts both into a folder, as `cert.pem` and `key.pem`.
    pub fn write(&self, dir: &Path) {
        std::fs::write(dir.join("key.pem"), &self.key).expect("the key can be written");
        std::fs::write(dir.join("cert.pem"), &self.cert).expect("the certificate can be written");
    }

    /// The identity that a client shows.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity::from_pem(format!("{}{}", self.cert, self.key).as_bytes()).expect("both are PEM")
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("the machine makes keys")
}

//! The settings of the server: its addresses, its TLS and its limits.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::layers::Layers;
use super::settings;

/// The configuration of the server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerConfig {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The separate address for health checks and metrics, if there is one.
    pub admin_listen: Option<SocketAddr>,
    /// Whether it has a console for operators.
    pub console: bool,
    /// The time for which it goes on serving after the signal to stop, although it is not ready any more.
    pub drain: Duration,
    /// The certificate, if the server speaks TLS itself.
    pub tls: Option<TlsConfig>,
    /// At most this many requests of one client are served in a second.
    pub requests_per_second: NonZeroU32,
    /// At most this many requests are served at the same time.
    pub concurrent_requests: usize,
    /// At most this many connections are open at the same time.
    pub connections: usize,
}

/// The files of TLS, all PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsConfig {
    /// The certificate and its chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// The authorities, if callers must show a certificate. One of them must have signed it.
    pub client_ca: Option<PathBuf>,
}

impl ServerConfig {
    pub(super) fn read(layers: &mut Layers) -> Self {
        Self {
            listen: layers.value(&settings::LISTEN),
            admin_listen: layers.optional(&settings::ADMIN_LISTEN),
            console: layers.value(&settings::CONSOLE),
            drain: layers.value(&settings::DRAIN),
            tls: TlsConfig::read(layers),
            requests_per_second: layers.value(&settings::REQUESTS_PER_SECOND),
            concurrent_requests: layers.value(&settings::CONCURRENT_REQUESTS),
            connections: layers.value(&settings::CONNECTIONS),
        }
    }
}

impl TlsConfig {
    fn read(layers: &mut Layers) -> Option<Self> {
        let cert = layers.optional(&settings::TLS_CERT);
        let key = layers.optional(&settings::TLS_KEY);
        let client_ca = layers.optional(&settings::TLS_CLIENT_CA);
        match (cert, key, client_ca) {
            (Some(cert), Some(key), client_ca) => Some(Self { cert, key, client_ca }),
            (None, None, None) => None,
            _ => {
                let expected = format!(
                    "{} and {}, both or neither",
                    settings::TLS_CERT.row.key,
                    settings::TLS_KEY.row.key
                );
                layers.add_fault(&settings::TLS_CERT.row, &expected);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CommonConfig, Sources};

    #[test]
    fn a_certificate_needs_its_key() {
        let tls = |set: &[(&str, &str)]| {
            CommonConfig::load(&Sources::of_environment(set.iter().copied())).map(|common| common.server.tls)
        };
        let (cert, key, ca) =
            (("OSS_TLS_CERT", "c.pem"), ("OSS_TLS_KEY", "k.pem"), ("OSS_TLS_CLIENT_CA", "a.pem"));
        assert_eq!(tls(&[]).unwrap(), None);
        assert!(tls(&[cert, key]).unwrap().unwrap().client_ca.is_none());
        assert!(tls(&[cert, key, ca]).unwrap().unwrap().client_ca.is_some());
        for half in [&[cert][..], &[key], &[ca], &[cert, ca]] {
            assert!(tls(half).unwrap_err().faults[0].contains("tls_key"), "{half:?}");
        }
    }
}
